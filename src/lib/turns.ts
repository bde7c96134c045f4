/** Lets works with the same key run one after the other within this process; those with other keys don't wait. */
export function createTurns() {
  const last = new Map<string, Promise<unknown>>();

  return {
    async take<T>(key: string, work: () => Promise<T>): Promise<T> {
      const before = last.get(key) ?? Promise.resolve();
      const mine = before.then(work, work);
      last.set(key, mine);
      try {
        return await mine;
      } finally {
        if (last.get(key) === mine) last.delete(key);
      }
    },
  };
}

export type Turns = ReturnType<typeof createTurns>;
