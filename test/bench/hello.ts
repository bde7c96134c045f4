/** An Express hello world: what the web figures are measured against. */
import { type AddressInfo } from 'node:net';
import express from 'express';

const app = express();
app.disable('x-powered-by');
app.get('/', (_req, res) => {
  res.send('hello world');
});
const server = app.listen(0, '127.0.0.1', () => console.log((server.address() as AddressInfo).port));
