import { Gallery, useGallery } from "@darkroom/react";
import { useLocation } from "wouter";

import { Button } from "../ui/Button.js";
import { ButtonLink } from "../ui/ButtonLink.js";
import { Notice } from "../ui/Notice.js";
import { sentenceOf } from "../words/errors.js";
import { Filters } from "./Filters.js";
import css from "./GalleryPage.module.css";
import { useGalleryFilters } from "./useGalleryFilters.js";

/** All finished pictures, newest first. */
export default function GalleryPage() {
  const place = useGalleryFilters();
  const { filters, filter, search, text, model } = place;
  const gallery = useGallery(filters);
  const { jobs, hasNextPage, isNextPageMissing, isPending, error } = gallery;
  const [, go] = useLocation();
  const isFiltered = text !== "" || model !== "";
  return (
    <div className={css.page}>
      <header className={css.head}>
        <h1 className={css.title}>Gallery</h1>
        <Filters place={place} />
      </header>
      {jobs.length > 0 ? (
        <div className={css.wall}>
          <Gallery
            jobs={jobs}
            hasMore={hasNextPage && !isNextPageMissing}
            onLoadMore={() => {
              gallery.fetchNextPage();
            }}
            onOpen={(jobId) => {
              go(`/jobs/${jobId}${search}`);
            }}
          />
          {isNextPageMissing && (
            <p className={css.missing} role="status">
              The older ones could not be loaded. {sentenceOf(error)}
            </p>
          )}
        </div>
      ) : error !== undefined ? (
        <Notice title="The gallery could not be opened" text={sentenceOf(error)} />
      ) : isPending ? (
        <p className="visually-hidden" role="status">
          Opening the gallery
        </p>
      ) : isFiltered ? (
        <Notice title="Nothing like that is here">
          <Button
            onPress={() => {
              filter({ text: "", model: "" });
            }}
          >
            Show everything
          </Button>
        </Notice>
      ) : (
        <Notice title="The walls are empty" text="Every picture that is developed here will hang here.">
          <ButtonLink href="/" variant="primary">
            Develop the first one
          </ButtonLink>
        </Notice>
      )}
    </div>
  );
}
