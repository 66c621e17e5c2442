// SPDX-License-Identifier: Apache-2.0
import type { Controller } from '../operator/controller.ts';
import { startHttpServer, type Check } from '../telemetry/http-server.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import { InputError } from './manifests.ts';
import { version } from './version.ts';

const started: readonly Check[] = [{ name: 'start', ok: true, detail: 'waiting for the database' }];

/**
 * What the operator shows of itself over HTTP. It listens once the database is open, since a migration of a file lets nobody answer, or
 * when the database turns out to be away, to say so.
 */
export class Front {
  private readonly address: { readonly host: string; readonly port: number };
  private readonly metrics: Metrics;
  private readonly logger: Logger;
  private controller: Controller | undefined;
  private away = '';
  private server: Awaited<ReturnType<typeof startHttpServer>> | undefined;

  constructor(address: { readonly host: string; readonly port: number }, metrics: Metrics, logger: Logger) {
    this.address = address;
    this.metrics = metrics;
    this.logger = logger;
  }

  async databaseAway(reason: string): Promise<void> {
    this.away = reason;
    this.logger.warn('database is away, trying again', { reason });
    await this.listen();
  }

  /** Throws InputError when the address cannot be listened at. */
  async open(controller: Controller): Promise<void> {
    this.controller = controller;
    await this.listen();
  }

  async close(): Promise<void> {
    await this.server?.stop();
  }

  private async listen(): Promise<void> {
    if (this.server !== undefined) return;
    const { host, port } = this.address;
    try {
      this.server = await startHttpServer({
        host,
        port,
        metrics: this.metrics,
        live: () => this.controller?.live() ?? started,
        ready: async () => this.controller?.ready() ?? [{ name: 'database', ok: false, detail: this.away }],
      });
    } catch (error) {
      throw new InputError(
        `--listen ${host}:${port}: ${error instanceof Error ? error.message : String(error)}`,
      );
    }
    this.logger.info('listening', { url: this.server.url, version });
  }
}
