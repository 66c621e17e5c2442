// SPDX-License-Identifier: Apache-2.0
import { seconds } from '../api/time.ts';
import { hash } from 'node:crypto';
import { bounded } from '../api/bounded.ts';
import type { ObjectMeta } from '../api/resource.ts';
import { isAlreadyExists, isNotFound } from './api-error.ts';
import type { KubeClient, Resource } from './kube-client.ts';
import { microTime } from './lease.ts';

const eventResource: Resource = { group: '', version: 'v1', plural: 'events' };

export interface EventSubject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: ObjectMeta;
}

export interface EventNote {
  readonly type: 'Normal' | 'Warning';
  readonly reason: string;
  readonly message: string;
}

interface StoredEvent {
  readonly metadata: object;
  readonly count?: number;
}

export interface EventRecorderOptions {
  readonly client: KubeClient;
  /** Replica that reports. */
  readonly instance: string;
  readonly now: () => Date;
  readonly redact: (text: string) => string;
  readonly onError: (error: unknown) => void;
}

/**
 * Kubernetes Events for what a person wants to know; `kubectl describe` shows them. The same note on the same object counts up
 * instead of making another Event. Events are a courtesy: a failure to write one is logged and stops nothing.
 */
export class EventRecorder {
  private readonly options: EventRecorderOptions;

  constructor(options: EventRecorderOptions) {
    this.options = options;
  }

  async record(subject: EventSubject, note: EventNote): Promise<void> {
    try {
      await this.write(subject, { ...note, message: bounded(this.options.redact(note.message), 1024) });
    } catch (error) {
      this.options.onError(error);
    }
  }

  private async write(subject: EventSubject, note: EventNote): Promise<void> {
    const { client, instance, now } = this.options;
    const { name, namespace, uid, resourceVersion } = subject.metadata;
    const time = now();
    const at = { resource: eventResource, namespace } as const;
    const eventName = `${name}.${hash('sha256', `${uid}/${note.reason}/${note.message}`, 'hex').slice(0, 16)}`;
    const body = {
      apiVersion: 'v1',
      kind: 'Event',
      metadata: { name: eventName, namespace },
      involvedObject: {
        apiVersion: subject.apiVersion,
        kind: subject.kind,
        name,
        namespace,
        uid,
        resourceVersion,
      },
      ...note,
      action: note.reason,
      eventTime: microTime(time),
      firstTimestamp: seconds(time),
      lastTimestamp: seconds(time),
      count: 1,
      source: { component: 'external-system-operator' },
      reportingComponent: 'external-system-operator',
      reportingInstance: instance,
    };
    try {
      await client.send({ ...at, verb: 'create', body });
    } catch (error) {
      if (!isAlreadyExists(error)) throw error;
      await this.countUp(namespace, eventName, time);
    }
  }

  private async countUp(namespace: string, name: string, time: Date): Promise<void> {
    const { client } = this.options;
    const at = { resource: eventResource, namespace, name } as const;
    try {
      const found = await client.send<StoredEvent>({ ...at, verb: 'get' });
      const count = (found.count ?? 1) + 1;
      await client.send({ ...at, verb: 'patch', body: { count, lastTimestamp: seconds(time) } });
    } catch (error) {
      // It expired between the two calls: the next note makes it again.
      if (!isNotFound(error)) throw error;
    }
  }
}
