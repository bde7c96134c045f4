/** What the files of fault tests share: one build and one world for each file, judged after each test. */
import { createTestDatabase } from '../../support/test-database';
import { brokenPromises } from './invariants';
import { comeToRest } from './rest';
import { buildForFaults, openWorld, type World, type WorldOptions } from './world';

/**
 * Opens a world for a file. After each test everything comes to rest, the promises are judged, and all processes end; a
 * test of what would happen without a guard calls `unguarded` with a world of its own instead.
 */
export function useWorld(options: Omit<WorldOptions, 'database'> = {}): () => World {
  let world: World | null = null;
  let build: Awaited<ReturnType<typeof buildForFaults>> | null = null;
  beforeAll(async () => {
    build = await buildForFaults();
    world = await openWorld(build, { ...options, database: await createTestDatabase() });
  }, 60_000);
  afterEach(async () => {
    if (!world) return;
    try {
      await comeToRest(world);
      expect(await brokenPromises(world)).toEqual([]);
    } finally {
      // what one scenario leaves must not be the next one's
      await world.endProcesses();
    }
  }, 60_000);
  afterAll(async () => {
    await world?.close();
    build?.remove();
  });
  return () => world!;
}

/** The same scenario in a world whose app lacks a guard. */
export async function unguarded(
  patches: Parameters<typeof buildForFaults>[0],
  scenario: (world: World) => Promise<void>,
  options: Omit<WorldOptions, 'database'> = {},
): Promise<void> {
  const build = await buildForFaults(patches);
  const world = await openWorld(build, { ...options, database: await createTestDatabase() });
  try {
    await scenario(world);
  } finally {
    await world.close();
    build.remove();
  }
}
