-- Waiting until an answer is durable, and checking that the server can write.

-- name: use_some_room
-- Write about 200 kB to a temporary file. On a full disk this fails with 53100, as a table would. A WAL record alone does not fail,
-- because its file is allocated in advance.
SELECT count(*) FROM generate_series(1, CASE WHEN set_config('work_mem', '64kB', true) IS NULL THEN 0 ELSE 8000 END);
