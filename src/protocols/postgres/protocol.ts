/** PostgreSQL, protocol 3.0 and 3.2 towards drivers, 3.0 towards origins. */
import type { Protocol } from '../contract.ts';
import { DriverHandshakeMachine } from './driver-side.ts';
import { PostgresEdgeConversation } from './edge-conversation.ts';
import { PostgresEndpointSide } from './endpoint-side.ts';
import { encodeErrorResponse } from './errors.ts';
import { makeVerifier } from './scram.ts';

export const postgres: Protocol = {
  name: 'postgres',
  schemes: ['postgres', 'postgresql'],
  defaultPort: 5432,
  applicationProtocol: 'postgresql',
  serverSpeaksFirst: false,
  settingsChecked: new Set(['application_name', 'client_encoding', 'datestyle']),
  acceptDriver: (options) => new DriverHandshakeMachine(options),
  openEdgeConversation: (options) => new PostgresEdgeConversation(options),
  openEndpoint: (options) => new PostgresEndpointSide(options),
  makeVerifier,
  farewell: (error) => encodeErrorResponse(error, 'FATAL'),
};
