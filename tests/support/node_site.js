// A site on Node's own server, whose TLS is OpenSSL 3.5. Arguments: port, certificate, key, folder of pages.
'use strict';
const fs = require('fs');
const http2 = require('http2');
const path = require('path');

const [port, certificate, key, folder] = process.argv.slice(2);
const options = { cert: fs.readFileSync(certificate), key: fs.readFileSync(key), allowHTTP1: true };
const server = http2.createSecureServer(options, (request, response) => {
  const file = path.join(folder, request.url === '/' ? 'index.html' : path.basename(request.url));
  fs.readFile(file, (error, page) => {
    if (error) response.statusCode = 404;
    response.end(error ? 'not here' : page);
  });
});
server.listen(Number(port), '127.0.0.1');
