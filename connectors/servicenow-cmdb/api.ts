// SPDX-License-Identifier: Apache-2.0
import { Compile } from 'typebox/compile';
import type { HttpClient } from '../../src/connector/http.ts';
import { AnswerCutSignal, TableTrouble } from './answers.ts';
import { ListAnswer } from './wire.ts';

export interface PageRequest {
  readonly table: string;
  /** Encoded query, order included. */
  readonly query: string;
  /** Undefined reads all fields. */
  readonly fields: readonly string[] | undefined;
  readonly limit: number;
  readonly offset: number;
  /** True asks for labels beside the stored values; they cost the server time. */
  readonly labels: boolean;
}

export interface Page {
  readonly rows: readonly unknown[];
  /** X-Total-Count: rows that match the query, counted before row access; undefined when the answer does not say. */
  readonly total: number | undefined;
}

/** Reads of the Table API. Every method throws a Failure that names the table and the remedy. */
export interface TableApi {
  page(request: PageRequest): Promise<Page>;
}

/** The server gave up in the middle of an answer (its transactions end after 60 s): a smaller page may pass. */
export class AnswerCut extends TableTrouble {}

const listCheck = Compile(ListAnswer);

/**
 * The unversioned Table API: unlike v1 it answers an empty list, not 404, when nothing matches. Counting stays on, since
 * without the count a window of hidden rows looks like the end.
 */
export function tableApi(http: HttpClient): TableApi {
  return {
    async page({ table, query, fields, limit, offset, labels }) {
      try {
        const answer = await http.json(
          {
            subject: `table ${table}`,
            path: `api/now/table/${table}`,
            headers: { accept: 'application/json' },
            query: {
              sysparm_query: query,
              ...(fields === undefined ? {} : { sysparm_fields: fields.join(',') }),
              sysparm_limit: String(limit),
              ...(offset === 0 ? {} : { sysparm_offset: String(offset) }),
              sysparm_display_value: labels ? 'all' : 'false',
              sysparm_exclude_reference_link: 'true',
              sysparm_suppress_pagination_header: 'true',
            },
          },
          listCheck,
        );
        return { rows: answer.body.result, total: wholeNumber(answer.headers.get('x-total-count')) };
      } catch (error) {
        if (!(error instanceof AnswerCutSignal)) throw error;
        throw new AnswerCut(error.message, { cause: error });
      }
    },
  };
}

/** Leniently: a header that is no number must not fail a good page. */
function wholeNumber(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,15}$/u.test(text.trim()) ? Number(text) : undefined;
}
