// node unpack.mjs PACKAGE FOLDER: unpacks the Chromium that the npm package @sparticuz/chromium carries.
import { createReadStream, createWriteStream } from "node:fs";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { createBrotliDecompress } from "node:zlib";

const [, , packed, folder] = process.argv;
for (const name of ["chromium", "al2023.tar", "fonts.tar"]) {
  const source = createReadStream(join(packed, "bin", `${name}.br`));
  await pipeline(source, createBrotliDecompress(), createWriteStream(join(folder, name)));
}
