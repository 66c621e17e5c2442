// SPDX-License-Identifier: Apache-2.0

/**
 * Notebooks that every generated company has, by number: as the device management and the directory know them (Graph), and as the CMDB
 * does (ServiceNow). Both emulators follow this one recipe, so that what they hold meets in one inventory, mistakes included.
 */

/** What firmware gives when nobody wrote a number into it. */
const blankSerials = ['', '0', 'Default string', 'System Serial Number'] as const;

export function notebookName(index: number): string {
  return `FAC-LT-${String(index).padStart(4, '0')}`;
}

function madeAs(index: number): string {
  return `PF${(index * 7919 + 46_656).toString(36).toUpperCase()}`;
}

/** The serial number that the notebook tells itself: some are blank, and here and there two machines have one. */
export function toldSerial(index: number): string {
  if (index % 20 === 6) return blankSerials[Math.floor(index / 20) % blankSerials.length] ?? '';
  return madeAs(index % 33 === 10 ? index - 1 : index);
}

/** What the CMDB has of a notebook. Most is right; mistakes come back every twenty notebooks. */
export function registeredNotebook(index: number): { readonly name: string; readonly serial: string } {
  const name = notebookName(index);
  const serial = madeAs(index);
  switch (index % 20) {
    case 1:
      return { name, serial: serial.toLowerCase() };
    case 2:
      return { name, serial: ` ${serial} ` };
    case 5:
      return { name, serial: 'To be filled by O.E.M.' };
    case 8:
      // Written twice: the number stands at the notebook before it too.
      return { name, serial: madeAs(index - 1) };
    case 11:
      // A name of the CMDB's own: the serial number alone finds it.
      return { name: `Notebook ${index}`, serial };
    case 12:
      // The machine was replaced, and nobody told the CMDB.
      return { name, serial: `OLD${serial}` };
    case 15:
      // Never entered: what stands here is another machine.
      return { name: `SPARE-${index}`, serial: `SPARE${index}` };
    default:
      return { name, serial };
  }
}
