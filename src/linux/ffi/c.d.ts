/** C sources are imported as text and compiled when the daemon starts. */
declare module "*.c" {
  const text: string;
  export default text;
}
