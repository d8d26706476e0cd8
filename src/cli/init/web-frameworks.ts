import { onPort, unitName, type Project, type Proposal } from "./project.ts";

export function findRuby(project: Project): Proposal[] {
  const gems = project.text("Gemfile");
  if (gems === null) return [];
  const needs = (gem: string): boolean => new RegExp(`^\\s*gem\\s+["']${gem}["']`, "m").test(gems);
  const name = unitName(project.name);
  const first = project.exists("Gemfile.lock") ? [] : ["bundle install"];
  const bundle = (args: readonly string[]) => ({ command: "bundle", args: ["exec", ...args] });
  const rails = { environment: { RAILS_ENV: "production" } };
  const web: Proposal[] = [];
  if (project.exists("bin/rails"))
    web.push({
      name,
      unit: { command: "./bin/rails", args: ["server", "-b", "127.0.0.1", "-p", "${PORT}"], ...rails, ...onPort(3000) },
      found: "Gemfile: Rails",
      first,
      notes: ["set SECRET_KEY_BASE in environment_files"],
    });
  else if (project.exists("config.ru"))
    web.push({
      name,
      unit: {
        ...bundle(needs("puma") ? ["puma", "-b", "tcp://127.0.0.1:${PORT}"] : ["rackup", "-o", "127.0.0.1", "-p", "${PORT}"]),
        ...onPort(9292),
      },
      found: `Gemfile: config.ru${needs("puma") ? " with puma" : ""}`,
      first,
      notes: [],
    });
  const worker: Proposal[] = needs("sidekiq")
    ? [
        {
          name: unitName(`${name}-sidekiq`),
          unit: { ...bundle(["sidekiq"]), ...(project.exists("bin/rails") && rails) },
          found: "Gemfile: sidekiq",
          first,
          notes: [],
        },
      ]
    : [];
  return [...web, ...worker];
}

export function findPhp(project: Project): Proposal[] {
  const composer = project.text("composer.json");
  if (composer === null) return [];
  const name = unitName(project.name);
  const first = project.exists("vendor/autoload.php") ? [] : ["composer install"];
  const development = "PHP's own web server is for development; put nginx and php-fpm before production traffic";
  if (project.exists("artisan")) {
    return [
      {
        name,
        unit: { command: "php", args: ["artisan", "serve", "--host", "127.0.0.1", "--port", "${PORT}"], ...onPort(8000) },
        found: "composer.json: Laravel",
        first,
        notes: [development],
      },
      {
        name: unitName(`${name}-queue`),
        unit: { command: "php", args: ["artisan", "queue:work"] },
        found: "composer.json: Laravel's queue",
        first,
        notes: ["leave it out if the application queues no jobs"],
      },
    ];
  }
  const root = ["public", "web"].find((directory) => project.exists(`${directory}/index.php`));
  if (root === undefined) return [];
  return [
    {
      name,
      unit: { command: "php", args: ["-S", "127.0.0.1:${PORT}", "-t", root], ...onPort(8000) },
      found: `composer.json: ${root}/index.php`,
      first,
      notes: [development],
    },
  ];
}
