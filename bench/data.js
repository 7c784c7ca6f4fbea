// Splits a vector set into base and queries, both as .fvecs; the split is fixed by the order of the
// source alone.
//
//   node data.js glove words.fvecs DIRECTORY     1,000 vectors spread evenly over the source become
//                                                queries, after zero and repeated vectors are dropped
//   node data.js sums glove.base.fvecs DIRECTORY   2,000,000 sums of two words and 1,000 queries made alike
//   node data.js mnist DIRECTORY_OF_IDX DIRECTORY  the training images are the base, every tenth test
//                                                image is a query
'use strict';
const fs = require('fs');
const path = require('path');

const QUERIES = 1000;
const SUMS = 2000000;
const NOISE = 0.02;  // at most, per dimension; two words of length 1 have about 0.1

function writeVectors(file, records) {
  fs.writeFileSync(file, Buffer.concat(records));
  console.log(`${records.length} vectors in ${file}`);
}

function usableRecords(file) {
  const bytes = fs.readFileSync(file);
  const recordBytes = 4 + 4 * bytes.readInt32LE(0);
  const seen = new Set();
  const usable = [];
  for (let begin = 0; begin < bytes.length; begin += recordBytes) {
    const record = bytes.subarray(begin, begin + recordBytes);
    const key = record.toString('latin1', 4);
    if (seen.has(key) || record.subarray(4).every((byte) => byte === 0)) continue;
    seen.add(key);
    usable.push(record);
  }
  return usable;
}

function splitGlove(source, directory) {
  const records = usableRecords(source);
  const step = records.length / QUERIES;
  const held = new Set(Array.from({length: QUERIES}, (_, i) => Math.floor((i + 0.5) * step)));
  writeVectors(path.join(directory, 'glove.queries.fvecs'), records.filter((_, i) => held.has(i)));
  writeVectors(path.join(directory, 'glove.base.fvecs'), records.filter((_, i) => !held.has(i)));
}

// The images of an IDX file: magic, count, height and width as
// big-endian 32-bit integers, then one byte per pixel. Pixels become floats from 0 to 255.
function imageRecords(file) {
  const bytes = fs.readFileSync(file);
  const count = bytes.readUInt32BE(4);
  const pixels = bytes.readUInt32BE(8) * bytes.readUInt32BE(12);
  return Array.from({length: count}, (_, image) => {
    const record = Buffer.alloc(4 + 4 * pixels);
    record.writeInt32LE(pixels, 0);
    for (let i = 0; i < pixels; ++i) {
      record.writeFloatLE(bytes[16 + image * pixels + i], 4 + 4 * i);
    }
    return record;
  });
}

function splitMnist(source, directory) {
  const base = imageRecords(path.join(source, 'train-images-idx3-ubyte'));
  const test = imageRecords(path.join(source, 't10k-images-idx3-ubyte'));
  const queries = test.filter((_, i) => i % (test.length / QUERIES) === 0);
  writeVectors(path.join(directory, 'mnist.queries.fvecs'), queries);
  writeVectors(path.join(directory, 'mnist.base.fvecs'), base);
}

// mulberry32: the same numbers in [0, 1) everywhere.
function randomNumbers(seed) {
  return () => {
    seed = (seed + 0x6D2B79F5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), seed | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

// The vectors of an .fvecs file, each of length 1.
function unitVectors(file) {
  const bytes = fs.readFileSync(file);
  const dimensions = bytes.readInt32LE(0);
  const rows = bytes.length / (4 + 4 * dimensions);
  const values = new Float32Array(rows * dimensions);
  for (let row = 0; row < rows; ++row) {
    const from = row * (4 + 4 * dimensions) + 4;
    let sum = 0;
    for (let i = 0; i < dimensions; ++i) sum += bytes.readFloatLE(from + 4 * i) ** 2;
    for (let i = 0; i < dimensions; ++i) {
      values[row * dimensions + i] = bytes.readFloatLE(from + 4 * i) / Math.sqrt(sum);
    }
  }
  return {dimensions, rows, values};
}

// A function that writes into a record the sum of two different words and a little noise, of length
// 1; no pair of words comes twice.
function sumMaker({dimensions, rows, values}) {
  const random = randomNumbers(20);
  const pairs = new Set();
  const sum = new Float64Array(dimensions);
  return (record) => {
    let a, b;
    do {
      a = Math.floor(random() * rows);
      b = Math.floor(random() * rows);
    } while (a === b || pairs.has(Math.min(a, b) * rows + Math.max(a, b)));
    pairs.add(Math.min(a, b) * rows + Math.max(a, b));
    let squares = 0;
    for (let i = 0; i < dimensions; ++i) {
      const noise = (random() + random() - 1) * NOISE;
      sum[i] = values[a * dimensions + i] + values[b * dimensions + i] + noise;
      squares += sum[i] ** 2;
    }
    record.writeInt32LE(dimensions, 0);
    for (let i = 0; i < dimensions; ++i) {
      record.writeFloatLE(sum[i] / Math.sqrt(squares), 4 + 4 * i);
    }
  };
}

function makeSums(source, directory) {
  const words = unitVectors(source);
  const makeSum = sumMaker(words);
  const recordBytes = 4 + 4 * words.dimensions;
  for (const [name, count] of [['queries', QUERIES], ['base', SUMS]]) {
    const file = path.join(directory, `sums.${name}.fvecs`);
    const out = fs.openSync(file, 'w');
    for (let first = 0; first < count; first += 1000) {
      const chunk = Buffer.alloc(1000 * recordBytes);
      for (let i = 0; i < 1000; ++i) {
        makeSum(chunk.subarray(i * recordBytes, (i + 1) * recordBytes));
      }
      fs.writeSync(out, chunk);
    }
    fs.closeSync(out);
    console.log(`${count} vectors in ${file}`);
  }
}

const [set, source, directory] = process.argv.slice(2);
const make = {glove: splitGlove, mnist: splitMnist, sums: makeSums}[set];
if (!make || !directory) throw new Error('usage: node data.js glove|mnist|sums SOURCE DIRECTORY');
make(source, directory);
