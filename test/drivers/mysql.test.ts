import { describeDrivers } from './mysql-drivers.ts';

describeDrivers('mysql');
