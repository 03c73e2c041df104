"""Is a text in one language only? By words that every English sentence has some of and no Polish one has."""
import re

ENGLISH = re.compile(r"\b(the|is|are|was|were|been|has|have|had|not|and|of|or|with|this|that|these|its|from|which|while|cannot|"
                     r"could|would|should|than|but|nothing|none|there|their|since|until|added|refused|failed|waiting)\b")
POLISH = re.compile(r"[ąćęłńóśźż]|\b(nie|jest|lub|oraz|dla|przez)\b")
NAMES = re.compile(r'„[^”]*”|\S*\w[-/]\w\S*')  # of settings and commands, which are quoted; of causes and rules


def own_words(story):
    """A story without what servers said: their replies and the dialogue."""
    return [line for line in story.splitlines() if not re.match(r"\s+(serwer odpowiedział: |the server said: |dowód: |proof: |\d+ ms < |\d+ ms > [^(])", line)]


def english_in(lines):
    return [line for line in lines if ENGLISH.search(NAMES.sub("", line))]


def polish_in(lines):
    return [line for line in lines if POLISH.search(line.lower())]
