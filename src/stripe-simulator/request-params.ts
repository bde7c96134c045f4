/**
 * Stripe's form encoding (`a[b][0]=c`). A handler reads what it knows; what nobody has read when it is done is refused as
 * unknown, so a misspelt parameter never passes a test.
 */
import { type Refusal, refused } from './refusal';

const METADATA = { keys: 50, keyLength: 40, valueLength: 500 };

/** The plain pairs of a form or a query, decoded; `a[]` is counted. */
export function formPairs(text: string): [string, string][] {
  return [...new URLSearchParams(text)].map(([name, value], index) => [
    name.replace(/\[\]$/, `[${index}]`),
    value,
  ]);
}

export function readParams(pairs: [string, string][]) {
  const values = new Map(pairs);
  const read = new Set<string>();
  return { ...reader(''), refuseUnread };

  function reader(prefix: string) {
    const full = (name: string) => (prefix === '' ? name : `${prefix}[${name}]`);

    function text(name: string): string | undefined {
      const param = full(name);
      read.add(param);
      const value = values.get(param);
      if (value === '')
        throw invalid(`You passed an empty string for '${param}'.`, param, 'parameter_invalid_empty');
      return value;
    }

    function integer(name: string, least = 0): number | undefined {
      const value = text(name);
      if (value === undefined) return undefined;
      if (!/^-?\d{1,15}$/.test(value))
        throw invalid(`Invalid integer: ${value}`, full(name), 'parameter_invalid_integer');
      if (Number(value) >= least) return Number(value);
      const message = `This value must be greater than or equal to ${least}.`;
      throw invalid(message, full(name), 'parameter_invalid_integer');
    }

    function oneOf(name: string, allowed: readonly string[]): string | undefined {
      const value = text(name);
      if (value === undefined || allowed.includes(value)) return value;
      throw invalid(`Invalid ${full(name)}: must be one of ${allowed.join(', ')}`, full(name));
    }

    /** The names that stand directly below: keys of a map, indexes of a list. */
    function below(name: string): string[] {
      const start = `${full(name)}[`;
      const names = [...values.keys()].filter((key) => key.startsWith(start));
      return [...new Set(names.map((key) => key.slice(start.length, key.indexOf(']', start.length))))];
    }

    return {
      text,
      integer,
      oneOf,
      flag: (name: string) => ({ true: true, false: false })[oneOf(name, ['true', 'false']) ?? ''],
      inside: (name: string) => reader(full(name)),
      each: (name: string) => below(name).map((index) => reader(`${full(name)}[${index}]`)),
      list: (name: string, allowed?: readonly string[]) => {
        const names = below(name).map((index) => `${name}[${index}]`);
        if (names.length === 0) return undefined;
        return names.map((item) => needed((allowed ? oneOf : text)(item, allowed ?? []), item));
      },
      metadata(name = 'metadata'): Record<string, string> {
        read.add(full(name));
        const keys = below(name);
        if (keys.length > METADATA.keys)
          throw invalid(`Metadata has up to ${METADATA.keys} keys`, full(name));
        const pairs = keys.map((key): [string, string] => {
          const param = `${full(name)}[${key}]`;
          const value = values.get(param) ?? '';
          read.add(param);
          if (key.length > METADATA.keyLength || value.length > METADATA.valueLength) {
            const { keyLength, valueLength } = METADATA;
            throw invalid(
              `Metadata keys have up to ${keyLength} characters, values up to ${valueLength}`,
              param,
            );
          }
          return [key, value];
        });
        return Object.fromEntries(pairs.filter(([, value]) => value !== ''));
      },
      needed: (name: string) => needed(text(name), full(name)),
      neededInteger: (name: string, least?: number) => needed(integer(name, least), full(name)),
      /** names a parameter of this place in a message */
      full,
    };
  }

  function refuseUnread(): void {
    for (const param of values.keys()) {
      if (read.has(param)) continue;
      throw invalid(`Received unknown parameter: ${param}`, param, 'parameter_unknown');
    }
  }
}
export type Params = ReturnType<typeof readParams>;

function needed<T>(value: T | undefined, param: string): T {
  if (value !== undefined) return value;
  throw invalid(`Missing required param: ${param}.`, param, 'parameter_missing');
}

export function invalid(message: string, param: string, code?: string): Refusal {
  return refused(message, { param, ...(code ? { code } : {}) });
}

export function isEmail(text: string): boolean {
  return /^[^\s@<>]+@[^\s@<>]+$/.test(text) && text.length <= 200;
}
