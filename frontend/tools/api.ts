/** `npm run api`: write the daemon's OpenAPI document and its types to src/lib/api. */

import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { readDocument, typesOf } from './openapi';

const folder = fileURLToPath(new URL('../src/lib/api/', import.meta.url));
const document = readDocument();
writeFileSync(`${folder}openapi.json`, document);
writeFileSync(`${folder}types.ts`, await typesOf(document));
