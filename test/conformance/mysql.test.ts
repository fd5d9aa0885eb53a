import { describeMySql } from '../fakes/mysql-flavours.ts';
import { describeConformance } from './suite.ts';

describeMySql('mysql', () => {
  describeConformance({ protocol: 'mysql', versions: ['mysql'], cached: ['mysql'], hitsMin: 100 });
});
