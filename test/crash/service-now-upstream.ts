// SPDX-License-Identifier: Apache-2.0
import { startServiceNow, type ServiceNow } from '../simulators/servicenow/index.ts';
import { randomFrom } from '../kit/random.ts';
import { UpstreamHistory } from './upstream-history.ts';

const table = 'cmdb_ci_server';
const linux = { value: 'cmdb_ci_linux_server', display_value: 'Linux Server' };
/** So few that no deletion budget stops them. */
const mostRemovals = 5;

/** An emulated ServiceNow of a few servers, one of which is changed, made or taken away with every page that is asked for. */
export class ServiceNowUpstream {
  readonly history = new UpstreamHistory();
  readonly url: string;
  private readonly instance: ServiceNow;
  private readonly random: () => number;
  private readonly ids: string[] = [];
  private version = 0;
  private removals = 0;
  private quiet = false;

  private constructor(instance: ServiceNow & { readonly url: string }, seed: number, size: number) {
    this.instance = instance;
    this.url = instance.url;
    this.random = randomFrom(seed);
    for (let made = 0; made < size; made += 1) this.make();
    instance.faults.add({
      when: ({ table: asked, params }) => {
        // Rows only: looks for fields and for what was deleted change nothing.
        if (asked === table && params.get('sysparm_fields')?.includes('name') === true) this.change();
        return false;
      },
      answer: () => undefined,
    });
  }

  static async start(
    login: { username: string; password: string },
    seed: number,
  ): Promise<ServiceNowUpstream> {
    const instance = await startServiceNow({ seed, counts: { servers: 0 }, basic: login });
    return new ServiceNowUpstream(instance, seed, 22);
  }

  /** From now on nothing changes. */
  settle(): void {
    this.quiet = true;
  }

  stop(): Promise<void> {
    return this.instance.stop();
  }

  private change(): void {
    if (this.quiet) return;
    const id = this.ids[Math.floor(this.random() * this.ids.length)] ?? '';
    const chance = this.random();
    if (chance < 0.15 && this.removals < mostRemovals) {
      this.removals += 1;
      this.ids.splice(this.ids.indexOf(id), 1);
      this.history.note(id, undefined);
      this.instance.remove(table, id);
    } else if (chance < 0.35) this.make();
    else this.instance.update(table, id, { name: this.named(id) });
  }

  private make(): void {
    // Anywhere in the order of ids, by which pages are read.
    const id = Math.floor(this.random() * 2 ** 48)
      .toString(16)
      .padStart(12, '0')
      .padEnd(32, '0');
    this.ids.push(id);
    this.instance.insert(table, { sys_id: id, sys_class_name: linux, name: this.named(id) });
  }

  /** A name that no other version of any record has. */
  private named(id: string): string {
    this.version += 1;
    const name = `server of version ${this.version}`;
    this.history.note(id, name);
    return name;
  }
}
