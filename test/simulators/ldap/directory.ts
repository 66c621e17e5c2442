// SPDX-License-Identifier: Apache-2.0
import { matches } from './filter.ts';
import type { SearchRequest, Value } from './wire.ts';

/** An entry as a test writes it; one value or several. */
export interface DirectoryEntry {
  readonly dn: string;
  readonly attributes: Readonly<Record<string, Value | readonly Value[]>>;
  /** Attributes that are there and that nobody may read: no search gives them, and no filter finds by them. */
  readonly hidden?: readonly string[];
}

/** What a Windows domain controller does and neither Samba nor slapd: see the limits of MS-ADTS 3.1.1.3.4.6. */
export interface DirectoryLimits {
  /** Entries of an answer: a page is cut to it, an unpaged search fails behind it with 4. */
  readonly maxPageSize: number;
  /** Values of an attribute in an answer: more come in parts, `member;range=0-1499`. */
  readonly maxValRange: number;
}

export interface Found {
  readonly dn: string;
  readonly attributes: ReadonlyMap<string, readonly Value[]>;
}

const controls = {
  showDeleted: '1.2.840.113556.1.4.417',
  showRecycled: '1.2.840.113556.1.4.2064',
  extendedDn: '1.2.840.113556.1.4.529',
} as const;
const deletedObjects = /^<WKGUID=18E2EA80684F11D2B9AA00C04F79F805,(.*)>$/iu;
const links: ReadonlySet<string> = new Set(['member', 'memberof', 'manager', 'managedby', 'lastknownparent']);

/** The entries of a directory and what a search finds among them. */
export class Directory {
  /** In the order in which searches give them; to be changed by tests at will. */
  readonly entries: DirectoryEntry[];
  limits: DirectoryLimits = { maxPageSize: 1000, maxValRange: 1500 };

  constructor(entries: readonly DirectoryEntry[]) {
    this.entries = [...entries];
  }

  /** Undefined when there is no such base. */
  search(request: SearchRequest): Found[] | undefined {
    const base = this.resolve(request.base);
    if (base === undefined) return undefined;
    const recycled = request.controls.has(controls.showRecycled);
    const deleted = recycled || request.controls.has(controls.showDeleted);
    const groups = this.groupsByMember();
    return this.entries
      .filter((entry) => (isTrue(entry, 'isRecycled') ? recycled : deleted || !isTrue(entry, 'isDeleted')))
      .filter(({ dn }) => inScope(dn, base, request.scope))
      .map((entry) => readable(entry, groups.get(entry.dn.toLowerCase())))
      .filter((entry) => matches(request.filter, (name) => valuesOf(entry, name)))
      .map((entry) => this.selected(entry, request));
  }

  /** DNs of groups by their members, which the members themselves tell too (`memberOf`), also where the list of a group is hidden. */
  private groupsByMember(): ReadonlyMap<string, readonly string[]> {
    const groups = new Map<string, string[]>();
    for (const group of this.entries) {
      for (const member of valuesOf(group, 'member')) {
        const key = String(member).toLowerCase();
        const known = groups.get(key);
        if (known === undefined) groups.set(key, [group.dn]);
        else known.push(group.dn);
      }
    }
    return groups;
  }

  /** DN of a base that may be given by GUID or well-known GUID. */
  private resolve(base: string): string | undefined {
    const wellKnown = deletedObjects.exec(base);
    if (wellKnown !== null) return `CN=Deleted Objects,${wellKnown[1]}`;
    const guid = /^<GUID=([0-9a-f-]+)>/iu.exec(base)?.[1]?.toLowerCase();
    const found =
      guid === undefined
        ? this.entries.find(({ dn }) => same(dn, base) || inScope(dn, base, 2))
        : this.entries.find((entry) => guidOf(entry) === guid);
    return guid === undefined ? (found === undefined ? undefined : base) : found?.dn;
  }

  private selected(entry: DirectoryEntry, { attributes, controls: asked }: SearchRequest): Found {
    const extended = asked.has(controls.extendedDn);
    const shown = (name: string, values: readonly Value[]) =>
      extended && links.has(name.toLowerCase())
        ? values.map((value) => this.extended(String(value)))
        : values;
    const selected = new Map<string, readonly Value[]>();
    const all = attributes.length === 0 || attributes.includes('*');
    const wanted = all ? Object.keys(entry.attributes) : attributes;
    for (const one of wanted) {
      const [, name = one, option] = /^(.*);(range=.*)$/iu.exec(one) ?? [];
      const known = Object.keys(entry.attributes).find((key) => same(key, name));
      if (known === undefined) continue;
      const values = shown(known, valuesOf(entry, known));
      const low = Number(/^range=(\d+)-/iu.exec(option ?? '')?.[1] ?? 0);
      const { maxValRange } = this.limits;
      if (option === undefined && values.length <= maxValRange) {
        if (values.length > 0) selected.set(known, values);
        continue;
      }
      if (option === undefined) selected.set(known, []);
      if (low >= values.length) continue;
      const last = low + maxValRange >= values.length;
      const part = values.slice(low, low + maxValRange);
      selected.set(`${known};range=${low}-${last ? '*' : low + maxValRange - 1}`, part);
    }
    return { dn: extended ? this.extended(entry.dn) : entry.dn, attributes: selected };
  }

  private extended(dn: string): string {
    const target = this.entries.find((entry) => same(entry.dn, dn));
    const guid = target === undefined ? undefined : guidOf(target);
    return guid === undefined ? dn : `<GUID=${guid}>;${dn}`;
  }
}

export function valuesOf(entry: DirectoryEntry, name: string): readonly Value[] {
  const key = Object.keys(entry.attributes).find((known) => same(known, name));
  const value = key === undefined ? [] : (entry.attributes[key] ?? []);
  return typeof value === 'string' || Buffer.isBuffer(value) ? [value] : value;
}

function readable(entry: DirectoryEntry, memberOf: readonly string[] | undefined): DirectoryEntry {
  const { dn, attributes, hidden = [] } = entry;
  if (memberOf === undefined && hidden.length === 0) return entry;
  const all = Object.entries({ ...(memberOf === undefined ? {} : { memberOf }), ...attributes });
  return { dn, attributes: Object.fromEntries(all.filter(([name]) => !hidden.includes(name))) };
}

function isTrue(entry: DirectoryEntry, name: 'isDeleted' | 'isRecycled'): boolean {
  return String(valuesOf(entry, name)[0] ?? '').toUpperCase() === 'TRUE';
}

function same(one: string, other: string): boolean {
  return one.toLowerCase() === other.toLowerCase();
}

function inScope(dn: string, base: string, scope: 0 | 1 | 2): boolean {
  if (scope === 0) return same(dn, base);
  if (scope === 1) return same(dn.replace(/^(?:[^,\\]|\\.)*,/su, ''), base) && !same(dn, base);
  return same(dn, base) || base === '' || dn.toLowerCase().endsWith(`,${base.toLowerCase()}`);
}

/** Text form of an objectGUID: the first three groups are little-endian. */
function guidOf(entry: DirectoryEntry): string | undefined {
  const [bytes] = valuesOf(entry, 'objectGUID');
  if (!Buffer.isBuffer(bytes) || bytes.length !== 16) return undefined;
  const order = [3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15];
  const hex = order.map((index) => (bytes[index] ?? 0).toString(16).padStart(2, '0')).join('');
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/u, '$1-$2-$3-$4-$5');
}
