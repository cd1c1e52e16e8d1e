"""French."""

from rxstream.sansio.languages.rules import Rules, words

__all__ = ("FRENCH",)

FRENCH = Rules(
    never=words(
        "M MM Mr Dr Pr Prof Me Mgr Mme Mmes Mlle Mlles Vve St Ste Gén Col Cdt Cne Lt",
        "p.ex c.-à-d c.à.d cf env vs resp hab N.-D e.g i.e",
    ),
    maybe=words(
        "janv févr avr juil sept oct nov déc lun mar mer jeu ven sam dim",
        "Cie Inc Ltd S.A J.-C av apr bd boul av al et éd éds coll trad Jr",
    ),
    before_number=words("n no nos nº n° N° p pp vol t chap art fig réf tél sect éq tabl"),
    starters=words(
        "je tu il elle on nous vous ils elles le la les l' un une des du de d' ce cet cette ces c' ça cela celui celle",
        "ceux mon ma mes ton ta tes son sa ses notre nos votre vos leur leurs qui que qu' quoi dont où quand comment",
        "pourquoi combien quel quelle quels quelles si s' lorsque lorsqu' puisque puisqu' parce comme quoique bien mais ou et donc or",
        "ni car puis ensuite enfin alors ainsi aussi cependant toutefois pourtant néanmoins maintenant",
        "aujourd' hier demain ici là voici voilà dans en à au aux par pour sur sous avec sans chez entre vers depuis",
        "pendant avant après tout toute tous toutes chaque plusieurs certains aucun rien personne est sont",
        "était a ont j' n' oui non merci",
    ),
    lead_ins=words("à vers dès depuis avant après en le au"),
    shouted=words("Yahoo!"),
    small_goes_on=True,
    spaced_guillemets=True,
)
