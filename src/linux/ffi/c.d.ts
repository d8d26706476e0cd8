/** C sources are imported as strings and compiled when the daemon starts. */
declare module "*.c" {
  const text: string;
  export default text;
}
