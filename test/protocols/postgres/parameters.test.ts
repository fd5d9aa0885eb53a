import { expect, test } from 'vitest';
import { canonicalEncoding } from '../../../src/protocols/postgres/client-encoding.ts';
import { mergeDateStyle } from '../../../src/protocols/postgres/date-style.ts';
import { parametersToReport } from '../../../src/protocols/postgres/parameters.ts';

const FACTS = {
  serverVersion: '18.4',
  parameters: {
    server_version: '18.4 (Debian)',
    client_encoding: 'UTF8',
    DateStyle: 'ISO, MDY',
    TimeZone: 'Etc/UTC',
    application_name: 'Warmpool',
    is_superuser: 'off',
  },
};

test('a driver without settings is told what the origin reports', () => {
  expect(parametersToReport(FACTS, {})).toEqual(FACTS.parameters);
});

test("a driver's settings are laid over it under the origin's spelling of the names", () => {
  const settings = { client_encoding: 'latin1', datestyle: 'german', timezone: 'CET', application_name: 'x' };
  expect(parametersToReport(FACTS, settings)).toEqual({
    ...FACTS.parameters,
    client_encoding: 'LATIN1',
    DateStyle: 'German, DMY',
    TimeZone: 'CET',
    application_name: 'x',
  });
});

test('a setting that the origin does not report is not told', () => {
  expect(parametersToReport(FACTS, { work_mem: '1MB', constructor: 'x' })).toEqual(FACTS.parameters);
});

test('an origin without parameters is told of by its version alone', () => {
  expect(parametersToReport({ serverVersion: '18.4', parameters: {} }, { client_encoding: 'utf8' })).toEqual({
    server_version: '18.4',
  });
});

test.each([
  ['client_encoding', 'klingon', '22023', 'invalid value for parameter "client_encoding": "klingon"'],
  ['client_encoding', '', '22023', 'invalid value for parameter "client_encoding": ""'],
  ['datestyle', 'iso, sql', '22023', 'invalid value for parameter "DateStyle": "iso, sql"'],
  ['server_version', '1', '55P02', 'parameter "server_version" cannot be changed'],
  ['session_authorization', 'root', '55P02', 'parameter "session_authorization" cannot be changed'],
  ['is_superuser', 'on', '55P02', 'parameter "is_superuser" cannot be changed'],
  ['in_hot_standby', 'on', '55P02', 'parameter "in_hot_standby" cannot be changed'],
])('a driver that sets %s to %j is refused with %s', (name, value, sqlState, message) => {
  const refusal = expect.objectContaining({ fault: 'driver', fatal: true, sqlState, message });
  expect(() => parametersToReport(FACTS, { [name]: value })).toThrow(refusal);
});

test('an unknown encoding is refused also where the origin reports none', () => {
  expect(() => parametersToReport({ serverVersion: '', parameters: {} }, { client_encoding: 'x' })).toThrow(
    '"x"',
  );
});

test.each([
  ['utf8', 'UTF8'],
  ['UTF-8', 'UTF8'],
  ['Unicode', 'UTF8'],
  ['latin1', 'LATIN1'],
  ['ISO-8859-1', 'LATIN1'],
  ['iso_8859_15', 'LATIN9'],
  ['ISO 8859-5', 'ISO_8859_5'],
  ['windows-1252', 'WIN1252'],
  ['SQL_ASCII', 'SQL_ASCII'],
  ['Shift_JIS', 'SJIS'],
  ['tcvn', 'WIN1258'],
  ['koi8', 'KOI8R'],
  ['constructor', undefined],
  ['auto', undefined],
])('encoding %s is %s', (name, canonical) => {
  expect(canonicalEncoding(name)).toBe(canonical);
});

test.each([
  ['ISO', 'SQL, DMY', 'ISO, DMY'],
  ['dmy', 'SQL, MDY', 'SQL, DMY'],
  [' SQL , European', 'ISO, MDY', 'SQL, DMY'],
  ['us', 'ISO, DMY', 'ISO, MDY'],
  ['NonEuropean', 'ISO, DMY', 'ISO, MDY'],
  ['postgresql', 'ISO, YMD', 'Postgres, YMD'],
  ['German', 'ISO, MDY', 'German, DMY'],
  ['German, mdy', 'ISO, DMY', 'German, MDY'],
  ['ymd, German', 'ISO, DMY', 'German, YMD'],
  ['default', 'SQL, YMD', 'SQL, YMD'],
  ['default, dmy', 'SQL, YMD', 'SQL, DMY'],
  ['ISO, iso', 'SQL, YMD', 'ISO, YMD'],
  ['', 'SQL, YMD', 'SQL, YMD'],
  ['SQL', '', 'SQL, MDY'],
  ['ISO, SQL', 'SQL, YMD', undefined],
  ['YMD, DMY', 'SQL, YMD', undefined],
  ['ISO DMY', 'SQL, YMD', undefined],
  ['ISO,', 'SQL, YMD', undefined],
  ['french', 'SQL, YMD', undefined],
])('DateStyle %j over %j is %j', (asked, current, merged) => {
  expect(mergeDateStyle({ asked, current })).toBe(merged);
});
