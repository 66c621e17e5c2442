// SPDX-License-Identifier: Apache-2.0
import { randomUUID } from 'node:crypto';
import { Sequence } from './sequence.ts';

export interface Entity {
  readonly id: string;
  readonly [property: string]: unknown;
}

export const directoryTypes = ['user', 'group', 'device', 'servicePrincipal', 'orgContact'] as const;
export type DirectoryType = (typeof directoryTypes)[number];

export interface Reference {
  readonly id: string;
  readonly type: DirectoryType;
}

export type Relation = 'members' | 'owners' | 'manager' | 'registeredOwners' | 'registeredUsers';

/** One line of what happened, in order. Without a relation and with properties it is about the object itself. */
export interface Change {
  readonly sequence: number;
  readonly type: DirectoryType;
  readonly id: string;
  /** Properties that changed; all when the object came or came back. */
  readonly properties: readonly string[];
  readonly related?: { readonly relation: Relation; readonly to: Reference };
}

type Patch = Readonly<Record<string, unknown>>;

interface Deleted {
  readonly type: DirectoryType;
  readonly entity: Entity;
  readonly outgoing: readonly (readonly [Relation, Reference])[];
  readonly incoming: readonly (readonly [Relation, string])[];
}

const none = new Sequence<Reference>();
const edge = (relation: Relation, id: string) => `${relation}/${id}`;

/** The objects of a tenant, their relations, and every change in its order. */
export class Directory {
  readonly objects: Readonly<Record<DirectoryType, Sequence<Entity>>> = {
    user: new Sequence(),
    group: new Sequence(),
    device: new Sequence(),
    servicePrincipal: new Sequence(),
    orgContact: new Sequence(),
  };
  private readonly changes: Change[] = [];
  /** Changes that were made before anybody could ask. */
  private unrecorded = 0;
  private isRecording = false;
  private readonly types = new Map<string, DirectoryType>();
  private readonly outgoing = new Map<string, Sequence<Reference>>();
  private readonly incoming = new Map<string, Set<string>>();
  private readonly deleted = new Map<string, Deleted>();
  private readonly now: () => Date;

  constructor(now: () => Date) {
    this.now = now;
  }

  /** Number of the last change. */
  get sequence(): number {
    return this.unrecorded + this.changes.length;
  }

  /** The changes behind one, up to another. */
  changesBetween(after: number, upTo: number): readonly Change[] {
    return this.changes.slice(Math.max(0, after - this.unrecorded), Math.max(0, upTo - this.unrecorded));
  }

  /** What was there from the start is no change. */
  startRecording(): void {
    this.isRecording = true;
  }

  find(id: string): (Reference & { readonly entity: Entity }) | undefined {
    const type = this.types.get(id);
    const entity = type === undefined ? undefined : this.objects[type].get(id);
    return type === undefined || entity === undefined ? undefined : { id, type, entity };
  }

  /** What a relation of an object leads to, in the order in which it came to be. */
  related(relation: Relation, id: string): Sequence<Reference> {
    return this.outgoing.get(edge(relation, id)) ?? none;
  }

  /** The objects that have this one as a member. */
  memberOf(id: string): Reference[] {
    return [...(this.incoming.get(id) ?? [])]
      .filter((from) => from.startsWith('members/'))
      .map((from) => this.reference(from.slice('members/'.length)));
  }

  /** Everything below a group, each once, through nested groups; a circle ends. */
  transitiveMembers(id: string): Sequence<Reference> {
    const found = new Sequence<Reference>();
    const open = [id];
    for (let group = open.pop(); group !== undefined; group = open.pop()) {
      for (const member of this.related('members', group)) {
        if (found.has(member.id)) continue;
        found.put(member);
        if (member.type === 'group') open.push(member.id);
      }
    }
    return found;
  }

  isSoftDeleted(id: string): boolean {
    return this.deleted.has(id);
  }

  deletedOf(type: DirectoryType): Sequence<Entity> {
    return new Sequence(
      [...this.deleted.values()].filter((one) => one.type === type).map(({ entity }) => entity),
    );
  }

  /** Adds an object; one without an id gets one. */
  add(type: DirectoryType, properties: Patch): Entity {
    const entity: Entity = { id: randomUUID(), createdDateTime: this.stamp(), ...properties };
    if (this.types.has(entity.id)) throw new Error(`the emulator has an object ${entity.id} already`);
    this.types.set(entity.id, type);
    this.objects[type].put(entity);
    this.note({ type, id: entity.id, properties: Object.keys(entity) });
    return entity;
  }

  /** Sets properties; null clears one. */
  update(id: string, patch: Patch): Entity {
    const { type, entity } = this.known(id);
    const changed = { ...entity, ...patch, id };
    this.objects[type].put(changed);
    this.note({ type, id, properties: Object.keys(patch) });
    return changed;
  }

  /** Deletes as the vendor does: users, Microsoft 365 groups and service principals can be restored, all others are gone. */
  remove(id: string): void {
    const { type, entity } = this.known(id);
    const types = entity['groupTypes'];
    const restorable =
      type === 'user' || type === 'servicePrincipal' || (Array.isArray(types) && types.includes('Unified'));
    if (restorable) this.softDelete(id);
    else this.purge(id);
  }

  softDelete(id: string): void {
    const { type, entity } = this.known(id);
    const gone = this.take(type, entity);
    this.deleted.set(id, { ...gone, entity: { ...entity, deletedDateTime: this.stamp() } });
    this.note({ type, id, properties: [] });
  }

  /** Deletes for good, also what was deleted softly before. */
  purge(id: string): void {
    const before = this.deleted.get(id);
    const type = before?.type ?? this.known(id).type;
    if (before === undefined) this.take(type, this.known(id).entity);
    this.deleted.delete(id);
    this.types.delete(id);
    this.note({ type, id, properties: [] });
  }

  /** Brings a softly deleted object back with its relations, as far as the other ends are still there. */
  restore(id: string): void {
    const gone = this.deleted.get(id);
    if (gone === undefined) throw new Error(`the emulator has no deleted object ${id}`);
    const { deletedDateTime: _, ...entity } = gone.entity;
    this.deleted.delete(id);
    this.objects[gone.type].put(entity);
    this.note({ type: gone.type, id, properties: Object.keys(entity) });
    for (const [relation, to] of gone.outgoing) if (this.find(to.id)) this.relate(relation, id, to.id);
    for (const [relation, from] of gone.incoming) if (this.find(from)) this.relate(relation, from, id);
  }

  relate(relation: Relation, from: string, to: string): void {
    const source = this.known(from);
    const target = this.reference(to);
    const key = edge(relation, from);
    const targets = this.outgoing.get(key) ?? new Sequence<Reference>();
    if (targets.has(to)) return;
    this.outgoing.set(key, targets);
    targets.put(target);
    const sources = this.incoming.get(to) ?? new Set<string>();
    this.incoming.set(to, sources);
    sources.add(key);
    this.note({ type: source.type, id: from, properties: [], related: { relation, to: target } });
  }

  unrelate(relation: Relation, from: string, to: string): void {
    const source = this.known(from);
    const target = this.outgoing.get(edge(relation, from))?.remove(to);
    if (target === undefined) throw new Error(`the emulator has no ${relation} ${to} at ${from}`);
    this.incoming.get(to)?.delete(edge(relation, from));
    this.note({ type: source.type, id: from, properties: [], related: { relation, to: target } });
  }

  addMember(group: string, member: string): void {
    this.relate('members', group, member);
  }

  removeMember(group: string, member: string): void {
    this.unrelate('members', group, member);
  }

  /** Without a manager the present one is taken away. */
  setManager(user: string, manager?: string): void {
    for (const { id } of this.related('manager', user)) this.unrelate('manager', user, id);
    if (manager !== undefined) this.relate('manager', user, manager);
  }

  private reference(id: string): Reference {
    return { id, type: this.known(id).type };
  }

  private known(id: string) {
    const found = this.find(id);
    if (found === undefined) throw new Error(`the emulator has no object ${id}`);
    return found;
  }

  /** Takes an object and all its relations out of the tenant. */
  private take(type: DirectoryType, entity: Entity): Deleted {
    const { id } = entity;
    const outgoing: [Relation, Reference][] = [];
    for (const relation of ['members', 'owners', 'manager', 'registeredOwners', 'registeredUsers'] as const) {
      for (const to of this.related(relation, id)) {
        outgoing.push([relation, to]);
        this.incoming.get(to.id)?.delete(edge(relation, id));
      }
      this.outgoing.delete(edge(relation, id));
    }
    const incoming: [Relation, string][] = [];
    for (const key of this.incoming.get(id) ?? []) {
      const [relation, from] = key.split('/') as [Relation, string];
      incoming.push([relation, from]);
      this.unrelate(relation, from, id);
    }
    this.incoming.delete(id);
    this.objects[type].remove(id);
    return { type, entity, outgoing, incoming };
  }

  private note(change: Omit<Change, 'sequence'>): void {
    if (!this.isRecording) {
      this.unrecorded += 1;
      return;
    }
    this.changes.push({ ...change, sequence: this.sequence + 1 });
  }

  /** A time as the vendor writes it: now, or so many days later. */
  stamp(daysLater = 0): string {
    return `${new Date(this.now().getTime() + daysLater * 86_400_000).toISOString().slice(0, 19)}Z`;
  }
}
