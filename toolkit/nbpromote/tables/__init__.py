"""Declared inputs and outputs as tables: what they look like, and what schemas say of them. Judges nothing itself."""

from nbpromote.tables.asking import WARMING, Question, answers, question
from nbpromote.tables.profiles import begin, profile
from nbpromote.tables.reading import columns

__all__ = ["WARMING", "Question", "answers", "begin", "columns", "profile", "question"]
