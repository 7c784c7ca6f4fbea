// Splits a vector set into base and queries, both as .fvecs; the split is fixed by the order of the
// source alone.
//
//   node data.js glove words.fvecs DIRECTORY     1,000 vectors spread evenly over the source become
//                                                queries, after zero and repeated vectors are dropped
//   node data.js mnist DIRECTORY_OF_IDX DIRECTORY  the training images are the base, every tenth test
//                                                image is a query
'use strict';
const fs = require('fs');
const path = require('path');

const QUERIES = 1000;

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

const [set, source, directory] = process.argv.slice(2);
const split = {glove: splitGlove, mnist: splitMnist}[set];
if (!split || !directory) throw new Error('usage: node data.js glove|mnist SOURCE DIRECTORY');
split(source, directory);
