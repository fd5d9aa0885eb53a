/** Numbers from the command line, checked before anything starts. */
import { InvalidArgumentError } from 'commander';

const PORT_MAX = 65_535;

export function parsePort(text: string): number {
  return parseInteger(text, { min: 1, max: PORT_MAX });
}

export function parseInteger(text: string, range: { min: number; max: number }): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= range.min && value <= range.max) return value;
  throw new InvalidArgumentError(`It must be a whole number from ${range.min} to ${range.max}.`);
}
