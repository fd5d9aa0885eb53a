/** MySQL and MariaDB: protocol 4.1 and later, handshake v10, towards drivers and origins. */
import type { Protocol } from '../contract.ts';
import { DriverHandshakeMachine } from './driver-side.ts';
import { MySqlEdgeConversation } from './edge-conversation.ts';
import { MySqlEndpointSide } from './endpoint-side.ts';
import { encodeErr } from './errors.ts';
import { packet } from './packets.ts';
import { encodeVerifier } from './verifier.ts';

export const mysql: Protocol = {
  name: 'mysql',
  schemes: ['mysql'],
  defaultPort: 3306,
  applicationProtocol: undefined,
  serverSpeaksFirst: true,
  // A driver sends none: what it wants to be set, it sets.
  settingsChecked: new Set(),
  acceptDriver: (options) => new DriverHandshakeMachine(options),
  openEdgeConversation: (options) => new MySqlEdgeConversation(options),
  openEndpoint: (options) => new MySqlEndpointSide(options),
  makeVerifier: ({ token }) => encodeVerifier(token),
  // In place of the first packet of a reply.
  farewell: (error) => packet(1, encodeErr(error)),
};
