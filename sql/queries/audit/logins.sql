-- The logins of operators, and their rights at the database.

-- name: moves_of_login
-- $1 login, $2 how the name of its group shall end (`operator` or `reader`), or null for none. The statements that take the login there.
-- Without a group of that name, they only take it out of the others.
-- The groups are those of `checkout db roles`: they have rights on the orders of this shop, whatever their names begin with. Who granted
-- a membership is named, because PostgreSQL 16 and newer revoke only what the user granted who revokes.
WITH ours AS (
    SELECT DISTINCT known.oid, known.rolname::text AS name, regexp_replace(known.rolname::text, '_(operator|reader)$', '') AS prefix
    FROM pg_class CROSS JOIN LATERAL aclexplode(relacl) AS given JOIN pg_roles AS known ON known.oid = given.grantee
    WHERE pg_class.oid = 'orders'::regclass AND NOT known.rolcanlogin AND known.rolname::text ~ '_(operator|reader)$'
), held AS (
    SELECT ours.name, giver.rolname::text AS giver, target.name AS target
    FROM pg_auth_members AS membership
        JOIN pg_roles AS login ON login.oid = membership.member AND login.rolname::text = $1::text
        JOIN ours ON ours.oid = membership.roleid
        LEFT JOIN pg_roles AS giver ON giver.oid = membership.grantor
        LEFT JOIN ours AS target ON target.name = ours.prefix || '_' || $2::text
)
SELECT format('GRANT %I TO %I', target, $1::text) AS statement FROM held WHERE target NOT IN (SELECT name FROM held)
UNION
SELECT format('REVOKE %I FROM %I', name, $1::text) || CASE WHEN giver IS NULL THEN '' ELSE format(' GRANTED BY %I', giver) END
FROM held WHERE name IS DISTINCT FROM target
ORDER BY statement;
