import { useCallback, useEffect, useRef, useState } from 'react';
import { type Answer, type Foyer } from './use-foyer';

/** Asks for a path when it is first shown and on `ask`; null while the answer is awaited. The last question asked counts. */
export function useAnswer<Body>(foyer: Foyer, path: string) {
  const [answer, setAnswer] = useState<Answer<Body> | null>(null);
  const latest = useRef(0);
  const ask = useCallback(() => {
    const mine = ++latest.current;
    setAnswer(null);
    void foyer.get<Body>(path).then((answered) => {
      if (mine === latest.current) setAnswer(answered);
    });
  }, [foyer, path]);

  useEffect(() => {
    ask();
    return () => {
      latest.current += 1;
    };
  }, [ask]);

  return { answer, ask };
}
