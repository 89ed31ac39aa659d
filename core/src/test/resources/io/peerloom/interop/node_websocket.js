// A WebSocket client or server of Node's "ws", driven by its command line, one line of output an event. Options, steps
// and output are those of godot4_websocket.gd; --url may also be ws+unix:PATH:/, and --deflate=OPTIONS turns on permessage-deflate, as JSON for ws.
// TLS: --ca=PEM FILE for a client, --tls=PKCS12 FILE and --password=PASSWORD for a server, whose client certificates
// --ca then judges.
//   NODE_PATH=.../node_modules node node_websocket.js --role=client --url=ws://127.0.0.1:9080/ --steps=text:5,await:1
'use strict';
const crypto = require('crypto');
const fs = require('fs');
const https = require('https');
const { WebSocket, WebSocketServer } = require('ws');

const options = { role: 'client', protocols: '', steps: '', seconds: '60', deflate: 'false' };
for (const argument of process.argv.slice(2)) {
  const [name, ...value] = argument.replace(/^--/, '').split('=');
  options[name] = value.join('=');
}
const steps = options.steps.split(',').filter(Boolean).map((step) => step.split(':'));
const protocols = options.protocols.split(',').filter(Boolean);
const unread = [];
let received = 0;
let awaited = 0;

setTimeout(() => {
  console.log('timeout');
  process.exit();
}, Number(options.seconds) * 1000);

const ca = options.ca && fs.readFileSync(options.ca);

if (options.role === 'server') {
  const secure = options.tls && https.createServer({
    pfx: fs.readFileSync(options.tls),
    passphrase: options.password,
    ca,
    requestCert: Boolean(ca),
  });
  const server = new WebSocketServer({
    ...(secure ? { server: secure } : { host: '127.0.0.1', port: 0 }),
    perMessageDeflate: JSON.parse(options.deflate),
    handleProtocols: (offered) => protocols.find((p) => offered.has(p)) || false,
  });
  server.on('listening', () => console.log('listening ' + server.address().port));
  if (secure) {
    secure.on('tlsClientError', (error) => console.log('error ' + error.message));
    secure.listen(0, '127.0.0.1');
  }
  server.on('connection', (socket) => {
    server.close();
    if (secure) {
      secure.close();
    }
    run(socket);
    opened(socket);
  });
} else {
  const socket = new WebSocket(options.url, protocols, { perMessageDeflate: JSON.parse(options.deflate), ca });
  socket.on('open', () => opened(socket));
  run(socket);
}

function opened(socket) {
  console.log('open ' + socket.protocol);
  if (socket.extensions) {
    const { params } = socket._extensions['permessage-deflate'];
    console.log('deflate ' + JSON.stringify(params));
  }
  advance(socket);
}

function run(socket) {
  socket.on('message', (data, isBinary) => {
    unread.push([data, !isBinary]);
    advance(socket);
  });
  socket.on('error', (error) => console.log('error ' + error.message));
  socket.on('close', (code, reason) => {
    console.log('close ' + code + ' ' + reason);
    process.exit();
  });
}

function advance(socket) {
  for (;;) {
    const step = steps[0] || ['idle'];
    if (step[0] === 'text' || step[0] === 'binary') {
      steps.shift();
      send(socket, step[0] === 'text', message(Number(step[1]), step[0] === 'text'));
      continue;
    }
    if (step[0] === 'close') {
      steps.shift();
      socket.close(step[1] === undefined ? 1000 : Number(step[1]), step[2]);
      console.log('closing');
      return;
    }
    if (step[0] === 'delay') {
      if (!step[2]) {
        step[2] = 'running';
        setTimeout(() => {
          steps.shift();
          advance(socket);
        }, Number(step[1]));
      }
      return;
    }
    if (step[0] === 'await' && received - awaited >= Number(step[1])) {
      awaited += Number(step[1]);
      steps.shift();
      continue;
    }
    if (unread.length === 0) {
      return;
    }
    const [bytes, text] = unread.shift();
    received++;
    console.log((text ? 'text ' : 'binary ') + bytes.length + ' ' + sha256(bytes));
    if (step[0] === 'echo') {
      awaited++;
      send(socket, text, bytes);
      if (step[1] !== undefined && --step[1] === 0) {
        steps.shift();
      }
    }
  }
}

function send(socket, text, bytes) {
  socket.send(bytes, { binary: !text });
  console.log((text ? 'sent text ' : 'sent binary ') + bytes.length + ' ' + sha256(bytes));
}

function message(size, text) {
  if (!text) {
    return Buffer.from(Array.from({ length: size }, (_, i) => (i * 7 + (i >> 8)) & 0xff));
  }
  let bytes = Buffer.from('Grüße ✩ 🎮 ');
  if (bytes.length > size) {
    bytes = Buffer.alloc(0);
  }
  while (bytes.length > 0 && bytes.length * 2 <= size) {
    bytes = Buffer.concat([bytes, bytes]);
  }
  const rest = Array.from({ length: size - bytes.length }, (_, i) => 97 + ((bytes.length + i) % 26));
  return Buffer.concat([bytes, Buffer.from(rest)]);
}

function sha256(bytes) {
  return crypto.createHash('sha256').update(bytes).digest('hex');
}
