import { VERSIONS } from '../fakes/origins.ts';
import { describeConformance } from './suite.ts';

// The cache does not differ between versions of PostgreSQL; one is enough.
describeConformance({ protocol: 'postgres', versions: VERSIONS, cached: ['18'], hitsMin: 100 });
