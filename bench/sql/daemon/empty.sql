-- Nothing: the command that prepares the database creates the schema.
SELECT;
