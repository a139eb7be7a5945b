/*
 * worker.js - ONNX Runtime as a peer.  Protocol and settings: peers.py.
 *
 * Takes normalised floats, which spares it the conversion of pixels.
 */
'use strict';
const fs = require('fs');
const readline = require('readline');
const { performance } = require('perf_hooks');
const settings = Object.fromEntries(process.argv.slice(2).map((argument) => {
  const end = argument.indexOf('=');
  const value = argument.slice(end + 1);
  return [argument.slice(0, end), /^\d+$/.test(value) ? Number(value) : value];
}));
const ort = require(settings.runtime);

function normalised(settings) {
  const mean = [0.48145466, 0.4578275, 0.40821073];
  const deviation = [0.26862954, 0.26130258, 0.27577711];
  const pixels = fs.readFileSync(settings.pixels);
  const area = settings.width * settings.height;
  const planes = new Float32Array(settings.batch * 3 * area);
  for (let c = 0; c < 3; c++)
    for (let i = 0; i < area; i++)
      planes[c * area + i] = (pixels[3 * i + c] / 255 - mean[c]) / deviation[c];
  for (let b = 1; b < settings.batch; b++) planes.copyWithin(b * 3 * area, 0, 3 * area);
  return new ort.Tensor('float32', planes, [settings.batch, 3, settings.height, settings.width]);
}

function peakMegabytes() {
  const status = fs.readFileSync('/proc/self/status', 'utf8');
  return Number(/VmHWM:\s+(\d+)/.exec(status)[1]) / 1024;
}

async function main() {
  const feeds = { image: normalised(settings) };
  const before = peakMegabytes();
  const start = performance.now();
  const session = await ort.InferenceSession.create(settings.model, {
    intraOpNumThreads: settings.threads,
    interOpNumThreads: 1,
    graphOptimizationLevel: 'all',
    freeDimensionOverrides: { batch: settings.batch, height: settings.height,
                              width: settings.width },
    ...(settings.optimised ? { optimizedModelFilePath: settings.optimised } : {}),
  });
  const opened = performance.now();
  let result = await session.run(feeds);
  const first = performance.now();
  console.log(JSON.stringify({ open_ms: opened - start, first_ms: first - opened,
                               base_mb: before, version: ort.env.versions.node }));
  for await (const line of readline.createInterface({ input: process.stdin })) {
    if (line === 'run') {
      const begin = performance.now();
      result = await session.run(feeds);
      console.log((performance.now() - begin) / 1e3);
    } else if (line === 'feature') {
      console.log(Array.from(result.feature.data.slice(0, result.feature.dims[1])).join(' '));
    } else if (line === 'memory') {
      console.log(peakMegabytes());
    } else {
      break;
    }
  }
}

main().then(() => process.exit(0), (error) => {
  console.log(JSON.stringify({ error: String(error.message || error) }));
  process.exit(1);
});
