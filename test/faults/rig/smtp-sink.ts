/** A mail server that takes everything and remembers what it took; it can be away, or hang up after the mail was handed over. */
import { createServer, type Server, type Socket } from 'node:net';

export interface TakenMail {
  recipient: string;
  messageId: string;
  subject: string;
}

export async function startSmtpSink() {
  const taken: TakenMail[] = [];
  const sockets = new Set<Socket>();
  let away = false;
  let onTaken: (() => void) | null = null;

  function serve(socket: Socket): void {
    if (away) return void socket.resetAndDestroy();
    sockets.add(socket);
    socket.on('error', () => {}).on('close', () => sockets.delete(socket));
    let unread = '';
    let recipient = '';
    let inData = false;
    const say = (line: string) => socket.write(`${line}\r\n`);
    say('220 sink ESMTP');
    socket.on('data', (chunk) => {
      unread += chunk.toString('latin1');
      for (;;) {
        const end = inData ? unread.indexOf('\r\n.\r\n') : unread.indexOf('\r\n');
        if (end < 0) return;
        const text = unread.slice(0, end);
        unread = unread.slice(end + (inData ? 5 : 2));
        if (inData) {
          inData = false;
          const header = (name: string) =>
            new RegExp(`^${name}:\\s*(.+)$`, 'im').exec(text)?.[1]?.trim() ?? '';
          taken.push({ recipient, messageId: header('Message-ID'), subject: header('Subject') });
          onTaken?.();
          say('250 taken');
        } else if (/^RCPT TO:/i.test(text)) {
          recipient = /<([^>]*)>/.exec(text)?.[1] ?? '';
          say('250 ok');
        } else if (/^DATA/i.test(text)) {
          inData = true;
          say('354 go on');
        } else if (/^QUIT/i.test(text)) {
          socket.end('221 bye\r\n');
        } else say('250 ok');
      }
    });
  }

  const server: Server = createServer(serve);
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  return {
    url: `smtp://127.0.0.1:${(server.address() as { port: number }).port}`,
    taken: (): readonly TakenMail[] => taken,
    setAway(is: boolean): void {
      away = is;
      if (is) for (const socket of sockets) socket.resetAndDestroy();
    },
    /** Called when a mail is in our hands, before the sender is told so. */
    whenTaken(act: (() => void) | null): void {
      onTaken = act;
    },
    async close(): Promise<void> {
      const closed = new Promise((done) => server.close(done));
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}
