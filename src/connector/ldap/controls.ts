// SPDX-License-Identifier: Apache-2.0
import { BerWriter, Control, PagedResultsControl } from 'ldapts';
import type { LdapControl } from './client.ts';

export const pagedOid = PagedResultsControl.type;

const oids: Readonly<Record<LdapControl, string>> = {
  showDeleted: '1.2.840.113556.1.4.417',
  showRecycled: '1.2.840.113556.1.4.2064',
  domainScope: '1.2.840.113556.1.4.1339',
  extendedDn: '1.2.840.113556.1.4.529',
};

export function oidOf(control: LdapControl): string {
  return oids[control];
}

/** Critical, so that a server which does not know it refuses the search instead of giving an answer that means something else. */
export function requestControl(control: LdapControl): Control {
  return control === 'extendedDn' ? new ExtendedDn() : new Control(oids[control], { critical: true });
}

export function pagedControl(size: number, cookie: Buffer): Control {
  return new PagedResultsControl({ critical: true, value: { size, cookie } });
}

/** MS-ADTS 3.1.1.3.4.1.5: flag 1 asks for GUIDs and SIDs as text, 0 for hex digits. */
class ExtendedDn extends Control {
  constructor() {
    super(oids.extendedDn, { critical: true });
  }

  protected override writeControl(writer: BerWriter): void {
    const value = new BerWriter();
    value.startSequence();
    value.writeInt(1);
    value.endSequence();
    writer.writeBuffer(value.buffer, 0x04);
  }
}
