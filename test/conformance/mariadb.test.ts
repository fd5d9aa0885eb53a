import { describeMySql } from '../fakes/mysql-flavours.ts';
import { describeConformance } from './suite.ts';

describeMySql('mariadb', () => {
  describeConformance({ protocol: 'mysql', versions: ['mariadb'], cached: ['mariadb'], hitsMin: 100 });
});
