"""The same orders in German, French, Spanish, Italian, Portuguese, Chinese, Japanese and Russian.

Knows: the plainest forms of each, without accents (`reading.read` takes them off). Refuses to be complete: of what is
turned more finely, and of all other languages, nothing is found.
"""

from narthex.policy.poison.phrases import Phrase

_MAIL_OR = r"(?:[\w.+-]{1,64}@[\w-]{1,63}\.[\w.-]{2,63}|https?://"  # goes on

PHRASES = (
    Phrase(
        "override",
        "an order to drop the instructions in force",
        r"ignor|verg[ie]ss|missacht|oubli|olvid|descart|dimentic|esquec|desconsider|trascur",
        r"\b(?:ignorier|vergiss|vergess|missacht)\w*\b[^.!?]{0,40}\b(?:\w*anweisung|richtlinie|regel|instruktion|"
        r"vorgabe|befehl|\w*einstellung)\w*"
        r"|\b(?:ignor|oubli)(?:e|ez|er)\b[^.!?]{0,40}\b(?:instruction|consigne|directive|regle)s?\b"
        r"|\b(?:ignor|olvid|descart)(?:a|e|ar|en|ad)\b[^.!?]{0,40}\b(?:instruccion|regla|directri|indicacion)\w*"
        r"|\b(?:ignora|ignorare|ignorate|dimentica|dimenticare|trascura)\b[^.!?]{0,40}\b(?:istruzion|regol|direttiv|"
        r"linee guida)\w*"
        r"|\b(?:ignore|esqueca|desconsidere)\b[^.!?]{0,40}\b(?:instruco|regra|diretri)\w*",
        0.7,
        0.6,
    ),
    Phrase(
        "conversation",
        "asks for the model's own instructions",
        r"system-?(?:prompt|anweis|befehl)|(?:prompt|instruc\w+|instruct\w+|istruzion\w+|invite|mensaje|messaggio) "
        r"(?:de |del |di )?sist?em|systeme|sistema",
        r"\b(?:verrat|zeig|gib|nenn|offenbar|wiederhol|druck)\w*\b[^.!?]{0,30}\bsystem-?(?:prompt|anweisung|befehl|"
        r"nachricht)\w*"
        r"|\b(?:revel|affich|montr|donn|repet)\w*\b[^.!?]{0,30}\b(?:prompt|instructions|invite|message) (?:de )"
        r"?(?:votre |ton )?systeme"
        r"|\b(?:revel|muestr|mostr|dime|repit)\w*\b[^.!?]{0,30}\b(?:prompt|instrucciones|mensaje) (?:de[l]? )?sistema"
        r"|\b(?:rivel|mostra|stampa|ripet)\w*\b[^.!?]{0,30}\b(?:prompt|istruzioni|messaggio) (?:di |del )?sistema",
        0.6,
        0.5,
    ),
    Phrase(
        "persona",
        "talks the model into having no rules",
        r"ohne|keine|sans|aucune|sin |senza|nessun|ningun|sem ",
        r"\b(?:ohne|keine)\b (?:\w+ )?(?:einschrank|einschraenk|beschrank|beschraenk|filter|zensur|regeln)\w*|\bsans "
        r"(?:aucune? )?(?:restriction|limite|filtre|censure)s?\b"
        r"|\bsin (?:ningun\w* )?(?:restriccion|restricciones|limites|filtros?|censura)\b|\bsenza (?:alcun\w* )"
        r"?(?:restrizion|limit|filtr|censur)\w+"
        r"|\bsem (?:restric|limites|filtros)\w*",
        0.5,
        0.45,
    ),
    Phrase(
        "sending",
        "something is to be sent to an address",
        r"@|https?://|extern",
        r"\b(?:sende|schick|leite|ubermittle|uebermittle|maile|envo(?:ie|yez|yer)|transmet|envi[ae]|enviar|manda|"
        r"reenvia|invia|inoltra)\w*(?:-\w+)?\b[^.!?]{0,100}"
        + _MAIL_OR
        + r"|\b(?:adresse externe|direccion externa|indirizzo esterno|extern\w* (?:mail)?adresse)\b)",
        0.45,
        0.45,
    ),
    Phrase(
        "secrecy",
        "an order to keep something from the person",
        r"nutzer|anwender|utilisateur|usuario|utente",
        r"\b(?:sag|erzahl|erwahn|verrat|informier|teil)\w*\b[^.!?]{0,40}\b(?:be)?nutzer\w*\b[^.!?]{0,20}\b(?:nicht|"
        r"nichts)\b|\bohne\b[^.!?]{0,20}\b(?:be)?nutzer\w*\b[^.!?]{0,20}\binformier"
        r"|\bne\b[^.!?]{0,20}\b(?:dis|dites|mentionn|inform|revel)\w*\b[^.!?]{0,40}\butilisateur|\bno\b (?:le |se lo )"
        r"?(?:digas|menciones|informes|reveles)\b[^.!?]{0,40}\busuario"
        r"|\bnon (?:dire|menzionare|informare|rivelare)\b[^.!?]{0,40}\butente",
        0.6,
        0.5,
    ),
    Phrase(
        "frame",
        "a heading that claims the system's voice",
        r"system|sistema",
        r"\b(?:systemhinweis|systemmeldung|system-?nachricht|note (?:du )?systeme|message systeme|nota (?:di|del) "
        r"sistema|mensaje del sistema|aviso del sistema)\W{0,3}:",
        0.4,
        0.4,
    ),
    Phrase(
        "errand",
        "an order for the answer that the model is about to give",
        r"reponse|risposta|respuesta|antwort",
        r"\b(?:ajout|aggiun|anad|angehang|anzuhang|inclu|inser|hinzu|fuge)\w*\b[^.!?]{0,60}\b(?:reponse|risposta|"
        r"respuesta|antwort)\w*"
        r"|\b(?:reponse|risposta|respuesta|antwort)\w*\b[^.!?]{0,40}\b(?:ajout|aggiun|anad|angehang|anzuhang|hinzuzu|"
        r"hinzuge|einzuf)\w*",
        0.35,
        0.4,
    ),
    Phrase(
        "consent",
        "puts a conclusion into the model's mouth",
        r"assistent|assistant|asistente|assistente",
        r"\b(?:als assistent|en tant qu'assistant|como asistente|come assistente)\b[^.!?]{0,60}\b(?:festgestellt|"
        r"entschieden|determin\w+|conclu\w+|decid\w+|stabilit\w+|deja|gia|ya he|bereits)",
        0.45,
        0.45,
    ),
    Phrase(
        "override",
        "an order to drop the instructions in force",
        "\u5ffd\u7565|\u65e0\u89c6|\u5fd8\u8bb0|\u7121\u8996|\u5fd8\u308c|\u7121\u8996\u3057|\u0438\u0433\u043d\u043e\u0440|\u0437\u0430\u0431\u0443\u0434",
        "(?-i)(?:\u5ffd\u7565|\u65e0\u89c6|\u5fd8\u8bb0)[^.!?]{0,40}(?:\u6307\u4ee4|\u6307\u793a|\u8bf4\u660e|\u89c4\u5219|\u63d0\u793a)"
        "|(?:\u6307\u793a|\u547d\u4ee4)[^.!?]{0,12}(?:\u7121\u8996|\u5fd8\u308c)"
        "|(?:\u0438\u0433\u043d\u043e\u0440\u0438\u0440|\u0437\u0430\u0431\u0443\u0434)[^.!?]{0,80}(?:\u0438\u043d\u0441\u0442\u0440\u0443\u043a\u0446|\u0443\u043a\u0430\u0437\u0430\u043d\u0438|\u043f\u0440\u0430\u0432\u0438\u043b)",
        0.65,
        0.55,
    ),
    Phrase(
        "secrecy",
        "an order to keep something from the person",
        "\u4e0d\u8981\u544a\u8bc9|\u522b\u544a\u8bc9|\u0441\u043e\u043e\u0431\u0449\u0430|\u0433\u043e\u0432\u043e\u0440\u0438",
        "(?-i)(?:\u4e0d\u8981|\u522b)\u544a\u8bc9(?:\u7528\u6237|\u4efb\u4f55\u4eba)"
        "|\u043d\u0435 "
        "(?:\u0433\u043e\u0432\u043e\u0440\u0438|\u0441\u043e\u043e\u0431\u0449\u0430)[^.!?]{0,40}\u043f\u043e\u043b\u044c\u0437\u043e\u0432\u0430\u0442\u0435\u043b",
        0.6,
        0.5,
    ),
)
