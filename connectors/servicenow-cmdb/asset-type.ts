// SPDX-License-Identifier: Apache-2.0
import type { AssetType } from '../../src/inventory/kinds.ts';

/** Types of the classes that ServiceNow ships; a subclass that is not named takes the type of its nearest ancestor. */
const byClass: Readonly<Record<string, AssetType>> = {
  cmdb_ci_computer: 'computer',
  cmdb_ci_pc_hardware: 'computer',
  cmdb_ci_server: 'server',
  cmdb_ci_linux_server: 'server',
  cmdb_ci_win_server: 'server',
  cmdb_ci_unix_server: 'server',
  cmdb_ci_aix_server: 'server',
  cmdb_ci_solaris_server: 'server',
  cmdb_ci_hpux_server: 'server',
  cmdb_ci_osx_server: 'server',
  cmdb_ci_esx_server: 'server',
  cmdb_ci_hyper_v_server: 'server',
  cmdb_ci_mainframe: 'server',
  cmdb_ci_vm: 'virtual_machine',
  cmdb_ci_vm_instance: 'virtual_machine',
  cmdb_ci_vmware_instance: 'virtual_machine',
  cmdb_ci_hyper_v_instance: 'virtual_machine',
  cmdb_ci_ec2_instance: 'virtual_machine',
  cmdb_ci_cluster: 'cluster',
  cmdb_ci_cluster_node: 'cluster',
  cmdb_ci_kubernetes_cluster: 'cluster',
  cmdb_ci_netgear: 'network_device',
  cmdb_ci_ip_router: 'network_device',
  cmdb_ci_ip_switch: 'network_device',
  cmdb_ci_ip_firewall: 'network_device',
  cmdb_ci_wap_network: 'network_device',
  cmdb_ci_lb: 'network_device',
  cmdb_ci_lb_appl: 'application',
  cmdb_ci_storage_server: 'storage',
  cmdb_ci_storage_device: 'storage',
  cmdb_ci_storage_volume: 'storage',
  cmdb_ci_storage_pool: 'storage',
  cmdb_ci_mass_storage: 'storage',
  cmdb_ci_msd: 'storage',
  cmdb_ci_san: 'storage',
  cmdb_ci_printer: 'printer',
  cmdb_ci_handheld_computing: 'mobile_device',
  cmdb_ci_comm: 'mobile_device',
  cmdb_ci_database: 'database',
  cmdb_ci_db_instance: 'database',
  cmdb_ci_db_catalog: 'database',
  cmdb_ci_appl: 'application',
  cmdb_ci_application: 'application',
  cmdb_ci_application_software: 'application',
  cmdb_ci_business_app: 'application',
  cmdb_ci_spkg: 'application',
  cmdb_ci_service: 'service',
  cmdb_ci_service_auto: 'service',
  cmdb_ci_service_discovered: 'service',
  cmdb_ci_vm_object: 'cloud_resource',
  cmdb_ci_cloud_object: 'cloud_resource',
  cmdb_ci_cloud_service_account: 'cloud_resource',
};

/** A class tree is at most this deep; a longer chain is a loop. */
const maxDepth = 32;

/**
 * Normalised type of a class: its own, else that of its nearest ancestor with one, else `other`.
 * `parentOf` gives the name of the class above, undefined at the top or when it is not known.
 */
export function assetType(className: string, parentOf: (name: string) => string | undefined): AssetType {
  let name: string | undefined = className;
  for (let depth = 0; name !== undefined && depth < maxDepth; depth += 1) {
    const type = Object.hasOwn(byClass, name) ? byClass[name] : undefined;
    if (type !== undefined) return type;
    name = parentOf(name);
  }
  return 'other';
}
