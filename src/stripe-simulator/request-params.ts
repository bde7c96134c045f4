/**
 * Stripe's form encoding (`a[b][0]=c`) read against a description of what an address takes. What is not described is
 * refused, as Stripe refuses it: a misspelt parameter must never pass a test.
 */
import { type Refusal, refusedAtOnce } from './refusal';

export type Spec = 'string' | 'integer' | 'boolean' | 'map' | readonly [Spec] | SpecObject;
export interface SpecObject {
  readonly [name: string]: Spec;
}

export type Read<S> = S extends 'string'
  ? string
  : S extends 'integer'
    ? number
    : S extends 'boolean'
      ? boolean
      : S extends 'map'
        ? Record<string, string>
        : S extends readonly [infer Item]
          ? Read<Item>[]
          : { [Name in keyof S]?: Read<S[Name]> };

type Tree = Map<string, string | Tree>;

const METADATA = { keys: 50, keyLength: 40, valueLength: 500 };

/** The plain pairs of a form or a query, decoded. */
export function formPairs(text: string): [string, string][] {
  return [...new URLSearchParams(text)];
}

export function readParams<S extends SpecObject>(pairs: [string, string][], spec: S): Read<S> {
  return readObject(toTree(pairs), spec, '') as Read<S>;
}

function toTree(pairs: [string, string][]): Tree {
  const root: Tree = new Map();
  for (const [key, value] of pairs) {
    const path = key.split('[').map((part, index) => (index === 0 ? part : part.replace(/\]$/, '')));
    let node = root;
    for (const part of path.slice(0, -1)) {
      const next = node.get(part) ?? new Map();
      if (typeof next === 'string') throw invalid(`Invalid object`, key);
      node.set(part, next);
      node = next;
    }
    const last = path.at(-1)!;
    node.set(last === '' && path.length > 1 ? String(node.size) : last, value);
  }
  return root;
}

function readObject(tree: Tree, spec: SpecObject, at: string): Record<string, unknown> {
  const result: Record<string, unknown> = {};
  for (const [name, value] of tree) {
    const param = at === '' ? name : `${at}[${name}]`;
    if (!Object.hasOwn(spec, name)) {
      throw refusedAtOnce(`Received unknown parameter: ${param}`, { code: 'parameter_unknown', param });
    }
    result[name] = readValue(value, spec[name]!, param);
  }
  return result;
}

function readValue(value: string | Tree, spec: Spec, param: string): unknown {
  if (spec === 'map') return readMetadata(value, param);
  if (typeof spec === 'object') {
    if (typeof value === 'string')
      throw invalid(Array.isArray(spec) ? 'Invalid array' : 'Invalid object', param);
    if (!Array.isArray(spec)) return readObject(value, spec as SpecObject, param);
    return [...value].map(([index, item]) => readValue(item, (spec as [Spec])[0], `${param}[${index}]`));
  }
  if (typeof value !== 'string') throw invalid(`Invalid ${spec}`, param);
  if (value === '') {
    const message = `You passed an empty string for '${param}'. Leave it out, or give it a value.`;
    throw refusedAtOnce(message, { code: 'parameter_invalid_empty', param });
  }
  if (spec === 'integer') {
    if (!/^-?\d{1,15}$/.test(value)) {
      throw refusedAtOnce(`Invalid integer: ${value}`, { code: 'parameter_invalid_integer', param });
    }
    return Number(value);
  }
  if (spec === 'boolean') {
    if (value !== 'true' && value !== 'false') throw invalid(`Invalid boolean: ${value}`, param);
    return value === 'true';
  }
  return value;
}

function readMetadata(value: string | Tree, param: string): Record<string, string> {
  if (value === '') return {};
  if (typeof value === 'string') throw invalid('Invalid object', param);
  if (value.size > METADATA.keys) throw invalid(`Metadata can have up to ${METADATA.keys} keys`, param);
  const metadata: Record<string, string> = {};
  for (const [key, text] of value) {
    const here = `${param}[${key}]`;
    if (typeof text !== 'string') throw invalid('Metadata values are strings', here);
    if (key.length > METADATA.keyLength)
      throw invalid(`Metadata keys have up to ${METADATA.keyLength} characters`, here);
    if (text.length > METADATA.valueLength) {
      throw invalid(
        `Metadata values have up to ${METADATA.valueLength} characters, not ${text.length}`,
        here,
      );
    }
    if (text !== '') metadata[key] = text;
  }
  return metadata;
}

export function required<T>(value: T | undefined, param: string): T {
  if (value === undefined) {
    throw refusedAtOnce(`Missing required param: ${param}.`, { code: 'parameter_missing', param });
  }
  return value;
}

export function oneOf(value: string, allowed: readonly string[], param: string): string {
  if (!allowed.includes(value))
    throw invalid(`Invalid ${param}: must be one of ${allowed.join(', ')}`, param);
  return value;
}

export function invalid(message: string, param: string, code?: string): Refusal {
  return refusedAtOnce(message, { param, ...(code ? { code } : {}) });
}
