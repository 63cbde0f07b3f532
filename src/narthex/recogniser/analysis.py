"""Presidio over one spaCy pipeline.

Knows: how the two are put together so that nothing is fetched from anywhere. Refuses to use the patterns that Presidio
brings: what has a form is found by the gateway itself, in linear time.
"""

import logging
from collections.abc import Sequence
from pathlib import Path

import spacy
from presidio_analyzer import AnalyzerEngine, BatchAnalyzerEngine, RecognizerRegistry
from presidio_analyzer.nlp_engine import NerModelConfiguration, SpacyNlpEngine
from presidio_analyzer.predefined_recognizers import SpacyRecognizer

Span = tuple[int, int, str]
_AT_ONCE = 32  # texts that go through the pipeline together


class NoModel(Exception):
    """There is no such pipeline here."""


class Analysis:
    """One model, one language, and what is looked for."""

    def __init__(self, model: str, language: str, entities: Sequence[str], score: float) -> None:
        """Raises `NoModel`, and whatever spaCy raises about a pipeline that it cannot read."""
        logging.getLogger("presidio-analyzer").setLevel(logging.ERROR)
        if not spacy.util.is_package(model) and not Path(model).is_dir():
            raise NoModel(f"there is no spaCy model '{model}' here")  # Presidio would download one
        self._language, self._entities, self._score = language, list(entities), score
        naming = NerModelConfiguration(labels_to_ignore=[])
        engine = SpacyNlpEngine([{"lang_code": language, "model_name": model}], naming)
        found = SpacyRecognizer(supported_language=language, supported_entities=self._entities)
        registry = RecognizerRegistry(recognizers=[found], supported_languages=[language])
        analyzer = AnalyzerEngine(registry=registry, nlp_engine=engine, supported_languages=[language])
        self._batches = BatchAnalyzerEngine(analyzer)
        self.never = _never(engine, naming, language, self._entities)

    def find(self, texts: Sequence[str]) -> list[list[Span]]:
        """For each text the names in it, by place in signs."""
        found = self._batches.analyze_iterator(
            texts, self._language, batch_size=_AT_ONCE, entities=self._entities, score_threshold=self._score
        )
        return [[(one.start, one.end, one.entity_type) for one in spans] for spans in found]


def _never(engine: SpacyNlpEngine, naming: NerModelConfiguration, language: str, entities: Sequence[str]) -> list[str]:
    """What the model has no label for, as far as it tells its labels."""
    mapping = naming.model_to_presidio_entity_mapping or {}
    labels = {label for several in engine.get_nlp(language).pipe_labels.values() for label in several}
    known = {mapping.get(label, label) for label in labels}
    return [entity for entity in entities if entity not in known]
