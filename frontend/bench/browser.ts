/** Print the browser that the tests use, as JSON: its path, its arguments and the variables that it needs. */

import { findBrowser } from '../e2e/browser';

const { executablePath, args, env } = await findBrowser();
const own = Object.entries(env ?? {}).filter(([name, value]) => process.env[name] !== value);
process.stdout.write(JSON.stringify({ executablePath, args, env: Object.fromEntries(own) }));
