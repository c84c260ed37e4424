// A client with mtcute's own FakeTLS and obfuscation, which asks a data centre once. Node looks for the packages in the
// working directory if it gets this from standard input. Arguments: port of the proxy, secret, data centre, request.
// Writes the answer; request and answer are hexadecimal.
import { BaseMtProxyTransport } from '@mtcute/core';
import { connectTcp } from '@fuman/node';
import { Bytes } from '@fuman/io';
import { createCipheriv, createHash, createHmac, randomBytes, randomFillSync } from 'node:crypto';

const [port, secret, dc, request] = process.argv.slice(2);
const log = { create: () => log, debug: () => {} };
const crypto = {
  randomBytes: (size) => new Uint8Array(randomBytes(size)),
  randomFill: randomFillSync,
  sha256: (data) => new Uint8Array(createHash('sha256').update(data).digest()),
  hmacSha256: (data, key) => new Uint8Array(createHmac('sha256', key).update(data).digest()),
  createAesCtr: (key, iv) => {
    const cipher = createCipheriv('aes-256-ctr', key, iv);
    return { process: (data) => new Uint8Array(cipher.update(data)) };
  },
};

class Transport extends BaseMtProxyTransport {
  _connectTcp(endpoint) {
    return connectTcp(endpoint);
  }
}

const transport = new Transport({ host: '127.0.0.1', port: Number(port), secret });
transport.setup(crypto, log);
const connection = await transport.connect();
const codec = transport.packetCodec({ id: Number(dc) });
codec.setup(crypto, log);

const sent = Bytes.alloc();
await connection.write(await codec.tag());
await codec.encode(Buffer.from(request, 'hex'), sent);
await connection.write(sent.result());

const received = Bytes.alloc();
const chunk = new Uint8Array(65536);
let answer = null;
while (answer === null) {
  const size = await connection.read(chunk);
  received.writeSync(size).set(chunk.subarray(0, size));
  answer = await codec.decode(received, false);
}
process.stdout.write(Buffer.from(answer).toString('hex'));
connection.close();
