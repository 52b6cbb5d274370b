// Another's converter of FHIR's XML: each line of the input is {"json", "xml"}, and so is each of the output, made of
// the other one. Numbers lose their digits in it, as JavaScript has them.
import { createInterface } from "node:readline";
import fhir from "fhir";

const converter = new fhir.Fhir();

function attempt(conversion) {
  try {
    return conversion();
  } catch (error) {
    return String(error);
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  const { json, xml } = JSON.parse(line);
  const made = { json: attempt(() => converter.xmlToJson(xml)), xml: attempt(() => converter.jsonToXml(json)) };
  const plain = JSON.stringify(JSON.parse(json));
  console.log(JSON.stringify({ ...made, plain }));
}
