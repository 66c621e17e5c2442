// SPDX-License-Identifier: Apache-2.0
import { ok, refuse, type Reply } from './reply.ts';
import { contextOf } from './resources.ts';
import { mixed } from './rows.ts';
import { demand, type GraphAsked, type World } from './world.ts';

const most = 1000;

/** `POST /directoryObjects/getByIds`: objects of any type; ids that nobody has are left out. */
export function objectsByIds(world: World, asked: GraphAsked): Reply {
  demand(world, ['Directory.Read.All']);
  const ids = idsIn(asked.body ?? '');
  if (ids === undefined || ids.length === 0 || ids.length > most)
    return refuse(400, 'Request_BadRequest', `One to ${most} ids are asked for.`);
  const value = ids
    .flatMap((id) => world.tenant.directory.find(id) ?? [])
    .map((found) => mixed(world, found, undefined));
  return ok({ '@odata.context': contextOf(asked, 'directoryObjects'), value });
}

function idsIn(body: string): readonly string[] | undefined {
  try {
    const { ids } = Object(JSON.parse(body)) as { readonly ids?: unknown };
    return Array.isArray(ids) && ids.every((id) => typeof id === 'string') ? ids : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
