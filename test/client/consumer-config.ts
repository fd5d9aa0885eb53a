/** The consumer Worker's own part of its wrangler.jsonc; each form of deployment adds a binding POOLER. */
import { join } from 'node:path';
import type { WranglerConfig } from '../../src/cli/wrangler-dev.ts';

export const CONSUMER: WranglerConfig = {
  name: 'consumer',
  main: join(import.meta.dirname, 'consumer.ts'),
  compatibility_date: '2026-10-20',
  compatibility_flags: ['nodejs_compat'],
  durable_objects: { bindings: [{ name: 'OBJECT', class_name: 'InObject' }] },
  migrations: [{ tag: 'v1', new_sqlite_classes: ['InObject'] }],
};
