/** TypeScript for an OpenAPI document: a type for each schema, and for each operation what goes in and comes out. */

export interface Schema {
  readonly $ref?: string;
  readonly description?: string;
  readonly type?: string;
  readonly enum?: readonly string[];
  readonly anyOf?: readonly Schema[];
  readonly items?: Schema;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
}

interface Content {
  readonly content?: Readonly<Record<string, { readonly schema: Schema }>>;
}

interface Operation {
  readonly operationId: string;
  readonly summary: string;
  readonly parameters?: readonly { readonly name: string; readonly in: string }[];
  readonly requestBody?: Content;
  readonly responses: Readonly<Record<string, Content>>;
}

export interface OpenApi {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, Schema>> };
}

const JSON_TYPE = 'application/json';
const PROBLEM_TYPE = 'application/problem+json';
const HEAD = '/** Made by `npm run api` from openapi.json, which the daemon serves: not to be edited. */';

export function typescriptOf({ paths, components }: OpenApi): string {
  const operations = Object.entries(paths)
    .filter(([path]) => isForShops(path))
    .flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, operation]) => ({ method: method.toUpperCase(), path, operation })),
    );
  const schemas = Object.entries(components.schemas).sort(([one], [other]) => (one < other ? -1 : 1));
  const typed = operations.map(({ operation }) => operationType(operation));
  const routes = operations.map(
    ({ method, path, operation }) => `  ${operation.operationId}: { method: '${method}', path: '${path}' },`,
  );
  return [
    HEAD,
    ...schemas.map(([name, schema]) => declaration(name, schema)),
    ['export interface Operations {', typed.join('\n'), '}'].join('\n'),
    ['export const ROUTES = {', ...routes, '} as const;'].join('\n'),
    '',
  ]
    .join('\n\n')
    .replace(/\n+$/, '\n');
}

/** As for other origins: the shop's API, and not the webhook, which only Stripe calls. */
function isForShops(path: string): boolean {
  return path.startsWith('/api/') && path !== '/api/webhook';
}

function declaration(name: string, schema: Schema): string {
  const about = comment(schema.description, '');
  if (!schema.properties) return `${about}export type ${name} = ${typeOf(schema)};`;
  const required = new Set(schema.required);
  const fields = Object.entries(schema.properties).map(([field, type]) => {
    const described = type.description ?? type.anyOf?.find((one) => one.description)?.description;
    return `${comment(described, '  ')}  readonly ${field}${required.has(field) ? '' : '?'}: ${typeOf(type)};`;
  });
  return `${about}export interface ${name} {\n${fields.join('\n')}\n}`;
}

function operationType({ operationId, summary, parameters = [], requestBody, responses }: Operation): string {
  const answers = new Set<string>();
  const problems = new Set<string>();
  for (const [status, { content = {} }] of Object.entries(responses)) {
    const schema = content[JSON_TYPE]?.schema;
    if (status.startsWith('2') && schema) answers.add(typeOf(schema));
    for (const code of content[PROBLEM_TYPE]?.schema.properties?.['code']?.enum ?? []) problems.add(`'${code}'`);
  }
  const body = requestBody?.content?.[JSON_TYPE]?.schema;
  const lines = [
    `    readonly parameters: ${namesOf(parameters, 'path')};`,
    `    readonly headers: ${namesOf(parameters, 'header')};`,
    `    readonly body: ${body ? typeOf(body) : 'undefined'};`,
    `    readonly answer: ${[...answers].join(' | ') || 'unknown'};`,
    `    readonly problems:${[...problems]
      .sort()
      .map((code) => `\n      | ${code}`)
      .join('')};`,
  ];
  return `${comment(summary, '  ')}  readonly ${operationId}: {\n${lines.join('\n')}\n  };`;
}

function namesOf(parameters: readonly { readonly name: string; readonly in: string }[], place: string): string {
  return (
    parameters
      .filter((one) => one.in === place)
      .map((one) => `'${one.name}'`)
      .join(' | ') || 'never'
  );
}

function typeOf(schema: Schema): string {
  if (schema.$ref) return schema.$ref.slice(schema.$ref.lastIndexOf('/') + 1);
  if (schema.anyOf) return schema.anyOf.map(typeOf).join(' | ');
  if (schema.enum) return schema.enum.map((value) => `'${value}'`).join(' | ');
  switch (schema.type) {
    case 'array':
      return `readonly ${schema.items ? typeOf(schema.items) : 'unknown'}[]`;
    case 'integer':
    case 'number':
      return 'number';
    case 'string':
    case 'boolean':
    case 'null':
      return schema.type;
    default:
      throw new Error(`no TypeScript is known for ${JSON.stringify(schema)}`);
  }
}

function comment(text: string | undefined, indent: string): string {
  return text ? `${indent}/** ${text} */\n` : '';
}
