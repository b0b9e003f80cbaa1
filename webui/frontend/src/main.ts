import { createApp } from "vue";
import App from "./App.vue";
import { whenLoggedOut } from "./api/client";
import { session } from "./composables/session";
import { i18n } from "./i18n";
import { router } from "./router";
import "./styles/element-plus.css";
import "./styles/tokens.css";
import "./styles/base.css";

whenLoggedOut(() => {
  session.forget();
  const { path } = router.currentRoute.value;
  if (path !== "/login") void router.push({ name: "login", query: path === "/" ? {} : { next: path } });
});

createApp(App).use(i18n).use(router).mount("#app");
