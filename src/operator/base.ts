// SPDX-License-Identifier: Apache-2.0
import type { KubeConfig, KubernetesObject } from '@kubernetes/client-node';
import operatorModule, {
  ResourceEventType,
  ResourceMetaImpl,
  type OperatorLogger,
  type ResourceEvent,
  type ResourceMeta,
} from '@dot-i/k8s-operator';
import { KubeClient, type Resource, type RequestObserver } from './kube-client.ts';
import { Reflector, type ReflectorOptions } from './reflector.ts';
import type { Reflected } from './watch-events.ts';

// The package is CommonJS: under Node its default export is the module, and that holds the class.
const Operator = operatorModule.default;

export type WatchOptions<Kind extends Reflected> = Omit<ReflectorOptions<Kind>, 'client'>;

/**
 * The base class of `@dot-i/k8s-operator` for lifecycle and event types; everything that must not end the process or lose a
 * write is ours. Its own watch exits on any error, and its status writes swallow failures.
 */
export abstract class OperatorBase extends Operator {
  protected readonly client: KubeClient;
  private readonly reflectors: Reflector<Reflected>[] = [];
  private readonly resources = new Map<string, Resource>();

  constructor(config: KubeConfig, logger: OperatorLogger, observe: RequestObserver) {
    super(logger);
    this.kubeConfig = config;
    this.client = new KubeClient(config, observe);
  }

  /** Adds a reflector; it runs until `stop`. */
  protected reflect<Kind extends Reflected>(options: WatchOptions<Kind>): Reflector<Kind> {
    const reflector = new Reflector<Kind>({ ...options, client: this.client });
    this.reflectors.push(reflector as unknown as Reflector<Reflected>);
    reflector.start();
    return reflector;
  }

  /** The library's own way to watch, on our reflector: a failing callback is logged and stops nothing. */
  protected override async watchResource(
    group: string,
    version: string,
    plural: string,
    onEvent: (event: ResourceEvent) => Promise<void>,
    namespace?: string,
  ): Promise<void> {
    const resource = { group, version, plural };
    this.resources.set(plural, resource);
    const tell = (type: ResourceEventType) => (object: Reflected) => {
      const known = toKubernetesObject(object);
      const event = { meta: ResourceMetaImpl.createWithPlural(plural, known), object: known, type };
      onEvent(event).catch((error: unknown) => this.logger.error(String(error)));
    };
    const reflector = this.reflect<Reflected>({
      resource,
      namespace,
      onAdd: tell(ResourceEventType.Added),
      onUpdate: tell(ResourceEventType.Modified),
      onDelete: tell(ResourceEventType.Deleted),
      onError: (error) => this.logger.warn(String(error)),
      monotonicMs: () => performance.now(),
      random: Math.random,
    });
    await reflector.synced;
  }

  protected override setResourceStatus(meta: ResourceMeta, status: unknown): Promise<ResourceMeta | null> {
    return this.writeStatus('update', meta, status);
  }

  protected override patchResourceStatus(meta: ResourceMeta, status: unknown): Promise<ResourceMeta | null> {
    return this.writeStatus('patch', meta, status);
  }

  /** We use no finalizers: deleting an object must never wait for us. */
  protected override handleResourceFinalizer(): Promise<boolean> {
    return Promise.reject(new Error('this operator uses no finalizers'));
  }

  protected override setResourceFinalizers(): Promise<void> {
    return Promise.reject(new Error('this operator uses no finalizers'));
  }

  protected async stopWatching(): Promise<void> {
    await Promise.all(this.reflectors.map((reflector) => reflector.stop()));
    await this.client.close();
  }

  private async writeStatus(
    verb: 'update' | 'patch',
    meta: ResourceMeta,
    status: unknown,
  ): Promise<ResourceMeta> {
    const [plural = ''] = meta.id.split('.');
    const resource = this.resources.get(plural);
    if (resource === undefined) throw new Error(`resource ${meta.id} is not watched`);
    const { apiVersion, kind, name, namespace, resourceVersion } = meta;
    const body = { apiVersion, kind, metadata: { name, namespace, resourceVersion }, status };
    const written = await this.client.send<Reflected>({
      verb,
      resource,
      name,
      subresource: 'status',
      body,
      ...(namespace === undefined ? {} : { namespace }),
    });
    return ResourceMetaImpl.createWithId(meta.id, toKubernetesObject(written));
  }
}

/** The library's type has times as Date objects; it only reads names and versions. */
function toKubernetesObject(object: Reflected): KubernetesObject {
  return object as unknown as KubernetesObject;
}
