/** The client's only error, whatever failed: the network, the daemon, or something between them. */

import type { FieldFault, operations, Problem, QuoteAnswer } from './types';

/** The code of the problem of each status that has one. */
type Codes<Responses> = {
  [Status in keyof Responses]: Responses[Status] extends {
    content: { 'application/problem+json': { code: infer Code } };
  }
    ? Code
    : never;
};

/** Every code that a problem of an operation can have: stable, unlike its words. */
export type ProblemCode = {
  [Name in keyof operations]: Codes<operations[Name]['responses']>[keyof operations[Name]['responses']];
}[keyof operations];

/** The daemon's code, or `network` when no answer came, or `http_<status>` when the answer was not the daemon's. */
export type ErrorCode = ProblemCode | 'network' | `http_${number}`;

export class ApiError extends Error {
  /** 0 when no answer came. */
  readonly status: number;
  readonly code: ErrorCode;
  readonly faults: readonly FieldFault[];
  /** The current quote, with `price_changed`. */
  readonly quote: QuoteAnswer | undefined;
  /** The first order, with `probably_placed`, if the name, email and phone are the same. */
  readonly placed: { readonly order_id: string; readonly number: number } | undefined;
  /** How long to wait before a retry, if the daemon sent that. */
  readonly retryAfterSeconds: number | undefined;

  constructor(
    status: number,
    code: ErrorCode,
    message: string,
    problem: Partial<Problem> = {},
    retryAfterSeconds?: number,
  ) {
    super(message);
    this.name = 'ApiError';
    this.status = status;
    this.code = code;
    this.faults = Array.isArray(problem.errors) ? problem.errors : []; // a proxy's own 422 has others, or none
    this.quote = problem.quote ?? undefined;
    const { order_id, number } = problem;
    this.placed = order_id && number ? { order_id, number } : undefined;
    this.retryAfterSeconds = retryAfterSeconds;
  }
}

/** Return the error for an answer that is not a success. */
export function errorOf(response: Response, payload: unknown): ApiError {
  const problem = (typeof payload === 'object' && payload !== null ? payload : {}) as Partial<Problem>;
  const message = problem.detail ?? problem.title ?? `The shop answered with status ${response.status}.`;
  const code = (problem.code as ProblemCode | undefined) ?? (`http_${response.status}` as const);
  return new ApiError(response.status, code, message, problem, secondsOf(response.headers.get('Retry-After')));
}

function secondsOf(header: string | null): number | undefined {
  return header !== null && /^\d+$/.test(header) ? Number(header) : undefined;
}
