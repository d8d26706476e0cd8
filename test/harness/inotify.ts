import { openEpoll } from "../../src/linux/io/epoll.ts";
import { type Inotify, openInotify } from "../../src/linux/io/inotify.ts";

/** Opens an inotify instance on an epoll set of its own. Call `close` at the end. */
export function inotifyOfTest(): { readonly inotify: Inotify; readonly close: () => void } {
  const epoll = openEpoll({
    onError: (error) => {
      throw error;
    },
  });
  const inotify = openInotify(epoll);
  return {
    inotify,
    close: () => {
      inotify.close();
      epoll.close();
    },
  };
}
