// SPDX-License-Identifier: Apache-2.0
import { CommandError, found, numberGiven, oneOf, throttleCommand, type Command } from '../control.ts';
import { isRequest, throttled } from './faults.ts';
import type { Graph } from './index.ts';
import { called, deletedOf, directoryRolesOf, like, managedDevicesOf, objectsOf, shown } from './names.ts';
import { roleCommands } from './role-commands.ts';
import { endCertificate } from './tenant/certificates.ts';
import { complianceStates, judgeDevice } from './tenant/devices.ts';
import { securityGroup } from './tenant/groups.ts';
import { everyRole, licenceNames } from './world.ts';

/** What can be done to a tenant by hand: the functions that tests use, by names that people use. */
export function graphCommands(graph: Graph): readonly Command[] {
  const { tenant } = graph;
  const find: Command = {
    name: 'find',
    takes: 'TEXT',
    does: 'what has the text in its name, with type and id; deleted objects too',
    run: (text) => {
      const there = [objectsOf(tenant), managedDevicesOf(tenant), directoryRolesOf(tenant)].flat();
      const deleted = like(text, deletedOf(tenant)).map((one) => `deleted ${shown(one)}`);
      return found(text, [...like(text, there).map(shown), ...deleted]);
    },
  };
  return [
    find,
    ...objectCommands(graph),
    ...memberCommands(graph),
    ...roleCommands(tenant),
    ...judgements(graph),
    ...serviceCommands(graph),
  ];
}

function objectCommands({ tenant }: Graph): Command[] {
  const { directory } = tenant;
  const enable = (accountEnabled: boolean) => (text: string) => {
    const one = called('OBJECT', text, objectsOf(tenant, ['user', 'device', 'servicePrincipal']));
    directory.update(one.id, { accountEnabled });
    return `${accountEnabled ? 'enabled' : 'disabled'} ${shown(one)}`;
  };
  return [
    {
      name: 'add-user',
      takes: 'PRINCIPAL_NAME NAME',
      does: 'a new member; PRINCIPAL_NAME is such as ana.new@contoso.example',
      run: (userPrincipalName, displayName) => {
        const [nickname = '', domain = '', ...rest] = userPrincipalName.split('@');
        if (nickname === '' || domain === '' || rest.length > 0)
          throw new CommandError(`PRINCIPAL_NAME ${userPrincipalName}: give NAME@${tenant.domains[0]}`);
        const taken = objectsOf(tenant, ['user']).find(
          ({ names }) => names[0]?.toLowerCase() === userPrincipalName.toLowerCase(),
        );
        if (taken !== undefined)
          throw new CommandError(`PRINCIPAL_NAME ${userPrincipalName}: ${shown(taken)} has it`);
        const { id } = directory.add('user', {
          ...{ userPrincipalName, displayName, mail: userPrincipalName, mailNickname: nickname },
          ...{ accountEnabled: true, userType: 'Member' },
        });
        return `added user ${userPrincipalName} (${id})`;
      },
    },
    {
      name: 'add-group',
      takes: 'NAME [KIND]',
      does: 'a new security group without members; KIND role-assignable may hold directory roles',
      run: (displayName, assignable = '') => {
        if (assignable !== '') oneOf('KIND', assignable, ['role-assignable']);
        const { id } = directory.add('group', {
          ...{ displayName, mailNickname: displayName.toLowerCase().replaceAll(' ', '-') },
          ...securityGroup,
          ...(assignable === '' ? {} : { isAssignableToRole: true }),
        });
        return `added group ${displayName} (${id})`;
      },
    },
    {
      name: 'rename',
      takes: 'OBJECT NAME',
      does: 'another display name for a user, group, device or application',
      run: (text, displayName) => {
        const one = called('OBJECT', text, objectsOf(tenant));
        directory.update(one.id, { displayName });
        return `renamed ${shown(one)}: its display name is ${displayName}`;
      },
    },
    { name: 'disable', takes: 'OBJECT', does: 'a user, device or application', run: enable(false) },
    { name: 'enable', takes: 'OBJECT', does: 'the same', run: enable(true) },
    {
      name: 'delete',
      takes: 'OBJECT',
      does: 'as the vendor does: users, Microsoft 365 groups and applications can be restored, others are gone',
      run: (text) => {
        const one = called('OBJECT', text, objectsOf(tenant));
        directory.remove(one.id);
        return `deleted ${shown(one)}${directory.isSoftDeleted(one.id) ? '' : ' for good'}`;
      },
    },
    {
      name: 'restore',
      takes: 'OBJECT',
      does: 'a deleted object, with what it belonged to',
      run: (text) => {
        const one = called('OBJECT', text, deletedOf(tenant));
        directory.restore(one.id);
        return `restored ${shown(one)}`;
      },
    },
  ];
}

function memberCommands({ tenant }: Graph): Command[] {
  const { directory } = tenant;
  const ends = (groupName: string, memberName: string) => {
    const group = called('GROUP', groupName, objectsOf(tenant, ['group']));
    const member = called('MEMBER', memberName, objectsOf(tenant));
    return { group, member, isMember: directory.related('members', group.id).has(member.id) };
  };
  const takes = 'GROUP MEMBER';
  return [
    {
      name: 'add-member',
      takes,
      does: 'MEMBER is a user, a group, a device or an application',
      run: (...given: [string, string]) => {
        const { group, member, isMember } = ends(...given);
        if (isMember) throw new CommandError(`MEMBER "${given[1]}": it is in ${shown(group)} already`);
        directory.addMember(group.id, member.id);
        return `${shown(member)} is in ${shown(group)}`;
      },
    },
    {
      name: 'remove-member',
      takes,
      does: 'takes it out of the group',
      run: (...given: [string, string]) => {
        const { group, member, isMember } = ends(...given);
        if (!isMember) throw new CommandError(`MEMBER "${given[1]}": it is not in ${shown(group)} itself`);
        directory.removeMember(group.id, member.id);
        return `${shown(member)} is not in ${shown(group)} any more`;
      },
    },
  ];
}

function judgements({ tenant }: Graph): Command[] {
  const { directory } = tenant;
  return [
    {
      name: 'end-certificate',
      takes: 'APPLICATION DAYS',
      does: 'the certificate that signs ends in so many days; -3 is three days ago',
      run: (text, days) => {
        const one = called('APPLICATION', text, objectsOf(tenant, ['servicePrincipal']));
        const ends = directory.stamp(numberGiven('DAYS', days, -99_999));
        const signs = directory.find(one.id)?.entity['preferredTokenSigningKeyThumbprint'];
        if (typeof signs !== 'string')
          throw new CommandError(`APPLICATION "${text}": no certificate signs for it; Expenses has one`);
        endCertificate(directory, one.id, ends);
        return `the certificate of ${shown(one)} ends ${ends}`;
      },
    },
    {
      name: 'judge-device',
      takes: 'DEVICE STATE',
      does: `a managed device, by name or serial number: ${complianceStates.join(', ')}`,
      run: (text, given) => {
        const one = called('DEVICE', text, managedDevicesOf(tenant));
        const state = oneOf('STATE', given, complianceStates);
        judgeDevice(tenant, one.id, state);
        return `${shown(one)} is ${state}`;
      },
    },
  ];
}

/** What the service itself allows, forgets and refuses. */
function serviceCommands(graph: Graph): Command[] {
  const { roles, licences } = graph;
  return [
    ...([false, true] as const).map((has) => ({
      name: has ? 'consent' : 'withhold',
      takes: 'PERMISSION',
      does: has ? 'consent again' : 'no consent for it any more, such as Device.Read.All',
      run: (given: string) => {
        const role = oneOf('PERMISSION', given, everyRole);
        if (has) roles.add(role);
        else roles.delete(role);
        return `the application has ${has ? '' : 'no '}consent for ${role}`;
      },
    })),
    ...([false, true] as const).map((has) => ({
      name: has ? 'with' : 'without',
      takes: 'LICENCE',
      does: has ? 'the tenant has it again' : `the tenant lacks it: ${licenceNames.join(', ')}`,
      run: (given: string) => {
        const licence = oneOf('LICENCE', given, licenceNames);
        licences[licence] = has;
        return `the tenant ${has ? 'has' : 'lacks'} ${licence}`;
      },
    })),
    {
      name: 'expire-delta-tokens',
      takes: '',
      does: 'rounds of changes that go on from an earlier one are answered 410',
      run: () => {
        graph.deltaTokens.expire();
        return 'all delta tokens given so far are too old';
      },
    },
    {
      name: 'expire-access-tokens',
      takes: '',
      does: 'access tokens given so far are answered 401',
      run: () => {
        graph.login.revoke();
        return 'all access tokens given so far have ended';
      },
    },
    throttleCommand('requests of Graph', (times, seconds) =>
      graph.faults.add({ when: isRequest, times, answer: throttled(seconds) }),
    ),
  ];
}
