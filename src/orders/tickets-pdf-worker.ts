/** Draws tickets in a thread of its own, so that nobody else waits while fonts are read and squares are drawn. */
import { parentPort } from 'node:worker_threads';
import { drawTickets, type TicketsOnPaper } from './tickets-pdf';

parentPort?.on('message', ({ id, paper }: { id: number; paper: TicketsOnPaper }) => {
  drawTickets(paper).then(
    (pdf) => parentPort!.postMessage({ id, pdf }),
    (error: unknown) => parentPort!.postMessage({ id, problem: String(error) }),
  );
});
